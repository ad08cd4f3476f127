using System.Collections;
using System.Management.Automation;

namespace PreRecordMigration.Shell.Pester.Running;

/// <summary>Runs code of the runner inside a new PowerShell scope, so that test scripts can be dot-sourced into it.</summary>
public sealed class ScopeFrame
{
    private static readonly ScriptBlock NewScope = ScriptBlock.Create("param($______frame) $______frame.Run()");

    private static readonly ScriptBlock Splat =
        ScriptBlock.Create("param($______body, $______splat) . $______body @______splat");

    private readonly Action _body;

    internal ScopeFrame(Action body) => _body = body;

    /// <summary>Called by the frame's script.</summary>
    public void Run() => _body();

    internal static void InNewScope(CommandInvocationIntrinsics commands, Action body)
    {
        try
        {
            _ = commands.InvokeScript(true, NewScope, null, new ScopeFrame(body));
        }
        catch (MethodInvocationException error) when (error.InnerException is RuntimeException inner)
        {
            // The call of Run from script put this around the script's own error.
            throw inner;
        }
    }

    /// <summary>Runs a script in the current scope; its output is discarded, its parameters taken from the data.</summary>
    internal static void DotSource(CommandInvocationIntrinsics commands, ScriptBlock script, IDictionary? data)
    {
        if (data is not null && script.Ast is System.Management.Automation.Language.ScriptBlockAst { ParamBlock: not null })
        {
            _ = commands.InvokeScript(false, Splat, null, script, new Hashtable(data, StringComparer.OrdinalIgnoreCase));
        }
        else
        {
            _ = commands.InvokeScript(false, script, null);
        }
    }

    /// <summary>Sets <c>$_</c> and one variable for each key in the current scope.</summary>
    internal static void SetData(SessionState session, TestNode node)
    {
        if (!node.HasData)
        {
            return;
        }

        foreach (DictionaryEntry entry in node.DataDictionary ?? new Hashtable())
        {
            session.PSVariable.Set(entry.Key.ToString(), entry.Value);
        }

        session.PSVariable.Set("_", node.Data);
    }
}
