# What every view shows in the same way, said once. build.sh writes it into the views: a session that has them without the module
# (Import-PSSession) has no function to call. EXPRESSION is PowerShell, without braces; WIDTH is that of the column.
#   {duration EXPRESSION}     seven characters at most, three digits of them: 999 us, 99.9 ms, 9.99 s, 9.9 min, 99.9 h, 999 d
#   {size EXPRESSION}         eight characters at most, three digits of them: 9.99 GiB
#   {count WIDTH EXPRESSION}  a whole number, in thousands or millions where it is wider than the column
#   {cut WIDTH EXPRESSION}    a name in a table whose rows wrap: cut with an ellipsis, never broken over lines
#   {words WIDTH EXPRESSION}  sentences, broken between words; a longer word is cut

s#\{duration ([^{}]+)\}#$t = \1; if ($null -ne $t) { $m = $t.TotalMilliseconds; $v, $f, $u = if ($m -eq 0) { 0, 'N0', 'ms' } elseif ($m -lt 0.9995) { (1000 * $m), 'N0', 'us' } elseif ($m -lt 9.995) { $m, 'N2', 'ms' } elseif ($m -lt 99.95) { $m, 'N1', 'ms' } elseif ($m -lt 999.5) { $m, 'N0', 'ms' } elseif ($m -lt 9995) { ($m / 1000), 'N2', 's' } elseif ($m -lt 59950) { ($m / 1000), 'N1', 's' } elseif ($m -lt 597000) { ($m / 60000), 'N1', 'min' } elseif ($m -lt 3570000) { ($m / 60000), 'N0', 'min' } elseif ($m -lt 359820000) { ($m / 3600000), 'N1', 'h' } else { ($m / 86400000), 'N0', 'd' }; '{0} {1}' -f $v.ToString($f), $u }#g
s#\{size ([^{}]+)\}#$b = \1; if ($null -ne $b) { $v = [double] $b; $u = 0; while ($v -ge 999.5) { $v /= 1024; $u++ }; '{0} {1}' -f $v.ToString($(if ($u -eq 0) { 'N0' } elseif ($v -lt 9.995) { 'N2' } elseif ($v -lt 99.95) { 'N1' } else { 'N0' })), ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB')[$u] }#g
s#\{count ([0-9]+) ([^{}]+)\}#$n = \2; if ($null -ne $n) { $c = '{0:N0}' -f $n; if ($c.Length -le \1) { $c } elseif ($n -lt 999500) { '{0:N0} k' -f ($n / 1000) } elseif ($n -lt 99950000) { '{0:N1} M' -f ($n / 1000000) } else { '{0:N0} M' -f ($n / 1000000) } }#g
s#\{cut ([0-9]+) ([^{}]+)\}#$s = [string] (\2); $cells = { [regex]::Replace($s, '[\\u1100-\\u115f\\u2e80-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6]', 'xx').Length }; if ((. $cells) -gt \1) { while ((. $cells) -ge \1) { $s = [regex]::Replace($s, '[\\ud800-\\udbff]?.$', '') }; $s += '…' }; $s#g
s#\{words ([0-9]+) ([^{}]+)\}#$s = [regex]::Replace([string] (\2), '\\S{\1}\\S+', { $args[0].Value.Substring(0, \1 - 1) + '…' }); [regex]::Replace($s, '(.{1,\1})(?:\\s+|$)', "`$1`n").TrimEnd()#g
