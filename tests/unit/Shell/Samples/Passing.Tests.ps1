BeforeDiscovery { $items = @(@{ Name='a'; Value=1 }, @{ Name='b'; Value=2 }) }
$numbers = 3, 4
BeforeAll { $rootVar = 'root'; $script:shared = 0; function Get-Helper { 'helped' } }
Describe 'scopes' {
    BeforeAll { $blockVar = 'block'; $log = [System.Collections.Generic.List[string]]::new() }
    AfterAll { $log.Add('afterall') }
    BeforeEach { $each = 1; $log.Add('outer before') }
    AfterEach { $each | Should -BeGreaterThan 0; $log.Add('outer after') }
    It 'sees BeforeAll' { $rootVar | Should -Be 'ROOT'; $blockVar | Should -BeExactly 'block'; Get-Helper | Should -Be 'helped'; $local = 5; $each++; $script:shared++ }
    It 'has its own scope' { $local | Should -BeNullOrEmpty; $each | Should -Be 1; $blockVar = 'changed'; $script:shared | Should -Be 1 }
    It 'does not see changes' { $blockVar | Should -Be 'block'; $numbers | Should -BeNullOrEmpty; $items | Should -BeNullOrEmpty }
    Context 'inner' {
        BeforeAll { $innerVar = "$blockVar-inner"; $log.Clear() }
        BeforeEach { $log.Add('inner before') }
        AfterEach { $log.Add('inner after') }
        It 'first' { $innerVar | Should -Be 'block-inner'; $log -join ',' | Should -Be 'outer before,inner before' }
        It 'second' { $log -join ',' | Should -Be 'outer before,inner before,inner after,outer after,outer before,inner before' }
    }
    It 'root is found' { $PSScriptRoot | Should -Be ([IO.Path]::GetDirectoryName($PSCommandPath)); [IO.File]::Exists("$PSScriptRoot/Passing.Tests.ps1") | Should -BeTrue }
}
Describe 'foreach <_>' -ForEach $numbers {
    It 'number is <_>' { $_ | Should -BeIn 3, 4 }
    It 'nested <name>=<value> with <_.Name> and `<plain`>' -TestCases $items { $value | Should -BeIn 1,2; $_.Name | Should -Be $name }
    It 'param <Name>' -ForEach @(@{Name='p';Value=9}) { param($Value, $Name) $Value | Should -Be 9; $Name | Should -Be 'p' }
}
Describe 'data <Key>' -ForEach @{ Key='k1' }, @{ Key='k2' } {
    BeforeAll { $upper = $Key.ToUpperInvariant() }
    It 'sees <key> <upper>' { $upper | Should -BeLikeExactly 'K?' ; $Key | Should -BeLike 'K*' }
}
Describe 'none' -ForEach @() { It 'never' { throw 'no' } }
Describe 'drive' {
    BeforeAll { [IO.File]::WriteAllText("$TestDrive/keep.txt", 'x') }
    It 'has the file' { 'TestDrive:/keep.txt' | Should -Exist; 'TestDrive:/gone.txt' | Should -Not -Exist }
    Context 'in' { It 'writes' { [IO.Directory]::CreateDirectory("$TestDrive/d/e"); [IO.File]::WriteAllText("$TestDrive/d/e/f.txt", 'x'); 'TestDrive:/d/e/f.txt' | Should -Exist } }
    It 'removed' { "TestDrive:/d" | Should -Not -Exist; 'TestDrive:/keep.txt' | Should -Exist }
}
Describe 'drive again' { It 'is empty' { [IO.Directory]::GetFileSystemEntries($TestDrive) | Should -HaveCount 0 } }
Describe 'operators' {
    It 'be' { 1,2 | Should -Be 1,2; @(1,2) | Should -Not -Be 1; '1' | Should -Be 1; $null | Should -Be $null; @() | Should -Be $null; 'a' | Should -Not -BeExactly 'A'; ,@(1,@(2,3)) | Should -Be @(,@(1,@(2,3))) }
    It 'list' { [System.Collections.Generic.List[int]](1,2) | Should -Be @(1,2) ; 5 | Should -Be ([System.Collections.Generic.List[int]]@(5)) }
    It 'order' { 2 | Should -BeGreaterThan 1; 2 | Should -BeGreaterOrEqual 2; 1 | Should -BeLessThan 2; 1 | Should -Not -BeLessThan 1; 1,1 | Should -BeLessOrEqual 1 }
    It 'text' { 'hello' | Should -Match '^HE'; 'hello' | Should -Not -MatchExactly '^HE'; 'hello' | Should -Not -BeLikeExactly 'H*' }
    It 'type' { 1 | Should -BeOfType [int]; 1 | Should -BeOfType int; 'a' | Should -BeOfType ([string]); 1 | Should -Not -BeOfType [string] }
    It 'collection' { 1,2,3 | Should -Contain 2; 'A','b' | Should -Contain 'a'; 1,2 | Should -Not -Contain 5; 1,2 | Should -HaveCount 2; @() | Should -HaveCount 0; $null | Should -BeNullOrEmpty; '' | Should -BeNullOrEmpty; @() | Should -BeNullOrEmpty; ' ' | Should -Not -BeNullOrEmpty; Should -HaveCount 3 -ActualValue 1,2,3 }
    It 'throw' {
        { throw 'some text' } | Should -Throw; { throw 'some text' } | Should -Throw 'some*'; { throw 'some text' } | Should -Throw -ExpectedMessage '*text' -ExceptionType ([System.Management.Automation.RuntimeException])
        { 1 } | Should -Not -Throw; { [int]::Parse('x') } | Should -Throw -ErrorId 'FormatException'
        $e = { Get-Command 'nothere' -ErrorAction Stop } | Should -Throw -PassThru -ErrorId 'CommandNotFoundException*'; $e.Exception.Message | Should -BeLike '*nothere*'
        { { throw 'a' } | Should -Throw 'b' } | Should -Throw '*message was*'
        { 1/0 } | Should -Throw; { Get-Nope } | Should -Throw
    }
    It 'parameter' { Get-Command Get-Command | Should -HaveParameter Name -Type ([string[]]); Get-Command Import-Module | Should -HaveParameter -ParameterName Name -Mandatory; Get-Command Get-Command | Should -Not -HaveParameter Nope; Get-Command Get-Module | Should -Not -HaveParameter All -Mandatory }
    It 'errors do not fail' { $PSCmdlet; Get-Module; 5 | Should -Be 5 -Because 'reasons'; Get-Command nope-nope -ErrorAction Continue; 1 | Should -Be 1 }
}
Describe 'skips' {
    It 'skip switch' -Skip { throw 'no' }
    It 'set result' { Set-ItResult -Skipped -Because 'of rain'; throw 'not reached' }
    It 'inconclusive' { Set-ItResult -Inconclusive }
    Context 'all' -Skip { BeforeAll { throw 'not run' } ; It 'x' { } }
}
