Describe 'fails' {
    AfterEach { $x = 1 }
    It 'assertion' { 1 | Should -Be 2 -Because 'math' }
    It 'throws' { throw 'oops' }
    It 'statement' { [int]::Parse('x'); 'after' }
    It 'break' { break }
    It 'continue' { continue }
    It 'unknown command' { Get-Nope }
    It 'true each' { $true, $false | Should -BeTrue }
    It 'not throw' { { throw 'x' } | Should -Not -Throw }
    It 'no throw' { { 1 } | Should -Throw }
    It 'wrong type' { { throw 'x' } | Should -Throw -ExceptionType ([ArgumentException]) }
    It 'no operator' { 1 | Should }
    It 'compares' { 'a' | Should -BeGreaterThan 1 }
    It 'empty true' { @() | Should -BeTrue }
    It 'passes' { 1 | Should -Be 1 }
    It 'returns' { return; throw 'x' }
}
Describe 'before all fails' { BeforeAll { throw 'setup' }; AfterAll { $script:ran = 1 }; It 'a' {}; Context 'c' { It 'b' {} } }
Describe 'after all fails' { AfterAll { throw 'teardown' }; It 'a' {} }
Describe 'before each fails' { BeforeEach { throw 'be' }; It 'a' {} }
Describe 'after each fails' { AfterEach { throw 'ae' }; It 'a' {} }
Describe 'eap' { It 'a' { $ErrorActionPreference='Stop'; Get-Command nope-nope } }
