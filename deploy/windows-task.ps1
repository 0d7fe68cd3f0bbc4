# Windows: a task that grades every night at 22:30, as the user who runs this script, whether or not anybody is logged on.
# Photographs may lie on a share (\\server\retina); the results and their ledger must lie on a local disk.
$command = 'C:\kerasdr\Scripts\kerasdr.exe'
$arguments = 'predict D:\retina\incoming --out D:\results\grades.csv --model D:\kerasdr\model --limit-time 7h --quiet --log D:\results\kerasdr.log'
$action = New-ScheduledTaskAction -Execute $command -Argument $arguments -WorkingDirectory 'D:\results'
$trigger = New-ScheduledTaskTrigger -Daily -At 22:30
# One at a time; a night that was missed is made up for. A job that did not finish goes on the next night.
$settings = New-ScheduledTaskSettingsSet -MultipleInstances IgnoreNew -StartWhenAvailable -ExecutionTimeLimit (New-TimeSpan -Hours 9)
$principal = New-ScheduledTaskPrincipal -UserId $env:USERNAME -LogonType S4U -RunLevel Limited
Register-ScheduledTask -TaskName 'kerasdr' -Action $action -Trigger $trigger -Settings $settings -Principal $principal
