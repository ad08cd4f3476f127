using System.Globalization;
using PreRecordMigration.Files;

namespace PreRecordMigration.Transports;

/// <summary>
/// What the other side's shell is told where no port is known: to find a receiver of its user that listens on loopback, or else to start one that
/// outlives the connection, and to say where it is. It is always the same text: nothing that anybody gave is in it.
/// </summary>
/// <remarks>
/// <para>What it says is for <see cref="SshReceiver"/>: <c>starting</c>, where nobody listens yet; <c>waiting</c>, again and again, where somebody else
/// starts one; and at the end <c>listens PORT KEY</c>, <c>lacks PROGRAM</c>, <c>hangs PROCESS</c>, or <c>failed</c> and, in the lines behind it, why.</para>
/// <para>It is one line for <c>sh -c</c> in single quotes, so that the user's own shell takes it as it is, whichever that is: there are no single quotes
/// in it, no exclamation mark but before an equals sign, and no backslash before a backslash. <c>sh</c> may be dash.</para>
/// </remarks>
internal static class SshScript
{
    /// <summary>What says that a receiver is being started, or waited for.</summary>
    internal const string Starting = "starting";

    /// <summary>What is before a port and a key.</summary>
    internal const string Listens = "listens";

    /// <summary>What is before the name of a program that is missing there.</summary>
    internal const string Lacks = "lacks";

    /// <summary>What is before the process that somebody else has started and that does not listen.</summary>
    internal const string Hangs = "hangs";

    /// <summary>What is before the reason why none could be started.</summary>
    internal const string Failed = "failed";

    /// <summary>The file in <see cref="RuntimeFolder"/> to which a receiver that was started writes what it says.</summary>
    internal const string LogName = "receiver.log";

    /// <summary>
    /// Finds a receiver that listens. A note's process is the one that wrote it where it started when the note says: what follows the last bracket in the
    /// kernel's line on a process is its state, and 19 words later that time.
    /// </summary>
    private const string Find =
        $$"""
        dir="{{RuntimeFolder.InShell}}";
        find() {
            for note in "$dir"/{{ReceiverNote.Pattern}}; do
                [ -f "$note" ] || continue;
                old=$IFS; IFS=-; set -- ${note##*/}; IFS=$old;
                start=$4; port=$5;
                stat=$(cat "/proc/$3/stat" 2>/dev/null) || continue;
                set -- ${stat##*) };
                case $1 in Z|X) continue;; esac;
                if [ "${20}" = "$start" ] && key=$(cat "$dir/{{LoopbackKey.FileName}}"); then
                    echo "{{Listens}} $port $key"; exit 0;
                fi;
            done;
        };
        find;
        """;

    /// <summary>The file that whoever starts one has locked: which process that is.</summary>
    private const string LockName = "receiver.lock";

    /// <summary>How many seconds pass between two words of who waits for another one's start.</summary>
    private const int WaitSeconds = 2;

    /// <summary>How many times it waits: until shortly before its source gives up, which is to hear what it waited for.</summary>
    private static readonly int s_waits = ((int)SshReceiver.StartLimit.TotalSeconds / WaitSeconds) - 5;

    /// <summary>
    /// Lets nobody else start one meanwhile. Who was cut off does not let another in early, either: this shell goes on without its ssh. Who waits
    /// ends with its ssh, to which it cannot speak any more, or in its time: a start that hangs has one shell behind it, and no queue.
    /// </summary>
    private static string Lock => string.Create(
        CultureInfo.InvariantCulture,
        $$"""
        echo {{Starting}};
        for program in setsid flock; do
            command -v $program >/dev/null || { echo "{{Lacks}} $program"; exit 0; };
        done;
        umask 077;
        mkdir -p "$dir" || exit 1;
        lock="$dir/{{LockName}}";
        exec 9>>"$lock" || exit 1;
        waits=0;
        until flock -w {{WaitSeconds}} 9; do
            find;
            if [ $((waits += 1)) -ge {{s_waits}} ]; then read -r starts <"$lock"; echo "{{Hangs}} $starts"; exit 0; fi;
            echo waiting || exit 1;
        done;
        find;
        echo $$ >"$lock";
        """);

    /// <summary>
    /// Chooses what to run. A service that is to run anyway, and does not yet, is started instead. Else it is the PowerShell and the module of the
    /// installed service (the administrator's unit before a package's), or those that are found there without a path. Words of the unit with anything special in them lead to no file, and are
    /// left aside.
    /// </summary>
    private const string Choose =
        $$"""
        unit=; service=; entry=;
        for folder in /lib/systemd/system /etc/systemd/system; do
            if [ -f "$folder/prerecord-receiver.service" ]; then unit="$folder/prerecord-receiver.service"; fi;
        done;
        if [ "$unit" ] && [ "$(id -u)" = 0 ]; then
            if [ -d /run/systemd/system ] && systemctl --quiet is-enabled prerecord-receiver 2>/dev/null; then
                systemctl start prerecord-receiver </dev/null >&2 9>&-;
                find;
            fi;
            service=$(sed -n "s/^ExecStart=\"\(.*\)\" \"-NoProfile\" .*\$/\1/p" "$unit");
            entry=$(sed -n "s/^ExecStart=.* \"-File\" \"\(.*\)\/Receive.ps1\"\$/\1/p" "$unit")/ReceiveOnDemand.ps1;
        fi;
        program=${service%%\" \"*}; script=${service#"$program"}; script=${script#\" \"};
        if [ -f "$program" ] && [ -f "$entry" ]; then
            set -- "$program" ${script:+"$script"} -NoProfile -NonInteractive -File "$entry" 3;
        elif command -v pwsh >/dev/null; then
            set -- pwsh -NoProfile -NonInteractive -Command "
                \$module = Get-Module PreRecordMigration -ListAvailable | Select-Object -First 1;
                if (-not \$module) { \"There is no module PreRecordMigration where PowerShell looks there: \$env:PSModulePath.\"; exit 1 }
                \$entry = Join-Path \$module.ModuleBase service ReceiveOnDemand.ps1;
                if (-not (Test-Path -LiteralPath \$entry)) {
                    \"The module there, \$(\$module.Version) in \$(\$module.ModuleBase), cannot be started through ssh yet.\"; exit 1 }
                & \$entry 3";
        else
            echo "{{Lacks}} pwsh"; exit 0;
        fi;
        """;

    /// <summary>
    /// Starts it in a session of its own, with none of ssh's streams, which would keep ssh waiting. At descriptor 3 it says a line where it does not
    /// listen, and closes it when it does; if it ends before, the system closes it. Hanging up is for neither this shell nor the receiver; and what
    /// it starts for domains (xl) is found where only root's PATH leads, too, which ssh need not set. As in the service, nothing that was compiled ahead of
    /// time is compiled once more.
    /// </summary>
    private const string Start =
        $$"""
        log="$dir/{{LogName}}"; size=$(wc -c 2>/dev/null <"$log");
        if [ "${size:-0}" -gt 1000000 ]; then mv -f "$log" "$log.1"; size=0; fi;
        cd /; trap "" HUP;
        PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin;
        export PATH POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off NO_COLOR=1 DOTNET_TieredCompilation=0;
        answer=$(setsid sh -c "echo \$\$ >\"\$0\"; exec \"\$@\"" "$lock" "$@" 3>&1 >>"$log" 2>&1 </dev/null 9>&- &);
        find;
        echo {{Failed}};
        if [ "$answer" ]; then echo "$answer"; else tail -c "+$((${size:-0} + 1))" "$log" | tail -c 2000; fi;
        """;

    /// <summary>The command.</summary>
    internal static string Command { get; } =
        $"sh -c '{string.Join(' ', $"{Find}\n{Lock}\n{Choose}\n{Start}".Split('\n').Select(line => line.Trim()))}'";
}
