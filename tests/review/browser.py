"""Chromium, driven by its DevTools protocol through a pipe: real keys, files by file://, and nothing to install."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SECONDS = 60.0
_KEY_CODES = {"Escape": 27, "Enter": 13, "ArrowDown": 40, "ArrowUp": 38, "Tab": 9, "End": 35, "Home": 36}


class Browser:
    """One tab; see :func:`browser`.

    Attributes:
        requests: addresses that the page asked for.
        said: what was written to the console, errors of the page's policy among it.
        dialogs: kinds of the dialogs that the browser opened, each of which is answered with yes.
    """

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._number = 0
        self._rest = b""
        self.requests: list[str] = []
        self.said: list[str] = []
        self.dialogs: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    _session = ""

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        self._write(self._number, method, parameters)
        while True:
            heard = self._hear()
            if heard.get("id") == self._number:
                assert "error" not in heard, (method, heard["error"])
                return heard["result"]

    def _write(self, number: int, method: str, parameters: dict[str, Any]) -> None:
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": number, "method": method, "params": parameters, **session}
        os.write(self._send, json.dumps(message).encode() + b"\0")

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            some = os.read(self._receive, 1 << 20)
            assert some, "the browser has gone"
            self._rest += some
        one, self._rest = self._rest.split(b"\0", 1)
        heard: dict[str, Any] = json.loads(one)
        told = heard.get("params", {})
        if heard.get("method") == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif heard.get("method") == "Log.entryAdded":
            self.said.append(told["entry"]["text"])
        elif heard.get("method") == "Runtime.exceptionThrown":
            self.said.append(told["exceptionDetails"]["exception"].get("description", str(told)))
        elif heard.get("method") == "Page.javascriptDialogOpening":
            self.dialogs.append(told["type"])
            self._write(0, "Page.handleJavaScriptDialog", {"accept": True})  # whose answer nobody waits for
        return heard

    def open(self, page: Path) -> None:
        """Open a file and wait until all that it is made of is there."""
        self.call("Page.navigate", url=page.absolute().as_uri())
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + _SECONDS
        while not self.ask(expression):
            assert time.monotonic() < until, expression
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press keys one after another, as a person does."""
        for key in keys:
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            code = _KEY_CODES.get(key, ord(key.upper()) if len(key) == 1 else 0)
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        x, y = self.ask(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}}); "
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def choose(self, element: str, value: str) -> None:
        """Choose an option of a select element, by its id."""
        self.ask(
            f"(() => {{ const e = document.getElementById({json.dumps(element)}); e.value = {json.dumps(value)}; "
            "e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )


@contextlib.contextmanager
def browser(folder: Path, make: Callable[[int, int], Browser] = Browser) -> Iterator[Browser]:
    """Start Chromium with a profile of its own in a folder, and end it."""
    assert CHROMIUM is not None
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()

    def arrange() -> None:  # in the child: the protocol is on descriptors 3 and 4
        first, second = os.dup(theirs_in), os.dup(theirs_out)
        os.dup2(first, 3)
        os.dup2(second, 4)

    process = subprocess.Popen(
        [
            *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}", "about:blank"),
        ],
        close_fds=False,
        preexec_fn=arrange,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield make(ours_out, ours_in)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(ours_out)
        os.close(ours_in)
