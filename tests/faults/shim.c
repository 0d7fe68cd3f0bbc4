/* Stands between a program and the C library's file operations: counts those on files below one folder, records them, and at
   the n-th one fails or ends the process. Loaded with LD_PRELOAD, so that SQLite's own operations are met too.

   fault_arm(folder, at, how, sticky, trace): count operations below folder from 1; at the at-th (0: never)
     how = 1: SIGKILL right before it, 2: SIGKILL right after it, < 0: fail with errno -how, once or, if sticky, from then on.
     trace: file that a record of each operation is appended to, or NULL.
   fault_count(): operations so far. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[4096];
static size_t folder_length;
static long at, count;
static int how, sticky, trace = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void fault_arm(const char *where, long n, int kind, int stays, const char *record) {
    pthread_mutex_lock(&lock);
    snprintf(folder, sizeof folder, "%s", where);
    folder_length = strlen(folder);
    at = n, how = kind, sticky = stays, count = 0;
    if (trace >= 0) syscall(SYS_close, trace), trace = -1;
    if (record) trace = (int)syscall(SYS_openat, AT_FDCWD, record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pthread_mutex_unlock(&lock);
}

long fault_count(void) { return count; }

static int below(const char *path) {
    return folder_length && !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, 4095);
    if (n < 0) return 0;
    path[n] = 0;
    char *gone = strstr(path, " (deleted)");
    if (gone) *gone = 0;
    return below(path);
}

static int full(const char *path, char *whole) {
    if (path[0] == '/') snprintf(whole, 4096, "%s", path);
    else {
        if (!getcwd(whole, 2048)) return 0;
        strncat(whole, "/", 2);
        strncat(whole, path, 2000);
    }
    return below(whole);
}

/* Returns 0: do it; 1: it fails, errno is set. */
static int before(const char *op, const char *path, const char *second, long offset, long length, const void *data) {
    pthread_mutex_lock(&lock);
    long mine = ++count;
    int now = at && (mine == at || (sticky && how < 0 && mine > at));
    int kill_now = now && how == 1, fails = now && how < 0;
    if (trace >= 0 && !kill_now && !fails) {
        char line[9000];
        int n = snprintf(line, sizeof line, "%ld\t%s\t%s\t%s\t%ld\t%ld\n", mine, op, path, second, offset, data ? length : 0);
        syscall(SYS_write, trace, line, n);
        if (data) syscall(SYS_write, trace, data, length);
    }
    pthread_mutex_unlock(&lock);
    if (kill_now) syscall(SYS_kill, getpid(), SIGKILL);
    if (fails) { errno = -how; return 1; }
    return now && how == 2 ? 2 : 0;
}

#define AROUND(failure, call)                     \
    if (told == 1) return failure;                \
    __typeof__(call) result = call;               \
    if (told == 2) syscall(SYS_kill, getpid(), SIGKILL); \
    return result;

static long place(int fd) { return (long)lseek(fd, 0, SEEK_CUR); }

ssize_t write(int fd, const void *data, size_t length) {
    char path[4096];
    int told = path_of(fd, path) ? before("write", path, "", place(fd), (long)length, data) : 0;
    AROUND(-1, REAL(write)(fd, data, length))
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    char path[4096];
    int told = path_of(fd, path) ? before("write", path, "", (long)offset, (long)length, data) : 0;
    AROUND(-1, REAL(pwrite)(fd, data, length, offset))
}
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    char path[4096];
    int told = path_of(fd, path) ? before("write", path, "", (long)offset, (long)length, data) : 0;
    AROUND(-1, REAL(pwrite64)(fd, data, length, offset))
}
int fsync(int fd) {
    char path[4096];
    int told = path_of(fd, path) ? before("fsync", path, "", 0, 0, NULL) : 0;
    AROUND(-1, REAL(fsync)(fd))
}
int fdatasync(int fd) {
    char path[4096];
    int told = path_of(fd, path) ? before("fsync", path, "", 0, 0, NULL) : 0;
    AROUND(-1, REAL(fdatasync)(fd))
}
int ftruncate(int fd, off_t length) {
    char path[4096];
    int told = path_of(fd, path) ? before("truncate", path, "", (long)length, 0, NULL) : 0;
    AROUND(-1, REAL(ftruncate)(fd, length))
}
int ftruncate64(int fd, off64_t length) {
    char path[4096];
    int told = path_of(fd, path) ? before("truncate", path, "", (long)length, 0, NULL) : 0;
    AROUND(-1, REAL(ftruncate64)(fd, length))
}
int rename(const char *from, const char *to) {
    char path[4096], second[4096];
    full(to, second);
    int told = full(from, path) ? before("rename", path, second, 0, 0, NULL) : 0;
    AROUND(-1, REAL(rename)(from, to))
}
int unlink(const char *name) {
    char path[4096];
    int told = full(name, path) ? before("unlink", path, "", 0, 0, NULL) : 0;
    AROUND(-1, REAL(unlink)(name))
}
int mkdir(const char *name, mode_t mode) {
    char path[4096];
    int told = full(name, path) ? before("mkdir", path, "", 0, 0, NULL) : 0;
    AROUND(-1, REAL(mkdir)(name, mode))
}
int rmdir(const char *name) {
    char path[4096];
    int told = full(name, path) ? before("rmdir", path, "", 0, 0, NULL) : 0;
    AROUND(-1, REAL(rmdir)(name))
}

/* Opening: only where it makes, empties or writes; reading changes nothing. */
static int opening(const char *name, int flags) {
    char path[4096];
    if (!(flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR)) || !full(name, path)) return 0;
    return before(flags & O_TRUNC ? "empty" : flags & O_CREAT ? "make" : "open", path, "", 0, 0, NULL);
}
#define MODE mode_t mode = 0; if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *name, int flags, ...) { MODE int told = opening(name, flags); AROUND(-1, REAL(open)(name, flags, mode)) }
int open64(const char *name, int flags, ...) { MODE int told = opening(name, flags); AROUND(-1, REAL(open64)(name, flags, mode)) }
int openat(int dir, const char *name, int flags, ...) { MODE int told = dir == AT_FDCWD || name[0] == '/' ? opening(name, flags) : 0; AROUND(-1, REAL(openat)(dir, name, flags, mode)) }
int openat64(int dir, const char *name, int flags, ...) { MODE int told = dir == AT_FDCWD || name[0] == '/' ? opening(name, flags) : 0; AROUND(-1, REAL(openat64)(dir, name, flags, mode)) }
