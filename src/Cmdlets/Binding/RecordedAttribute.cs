using System.Management.Automation;
using PreRecordMigration.Operations;
using PreRecordMigration.Texts;

namespace PreRecordMigration.Cmdlets;

/// <summary>Lets a copy of a recording, which a job or a file brought back, stand for the recording that this process holds.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RecordedAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (((inputData as PSObject)?.BaseObject ?? inputData) is string name)
        {
            throw new ArgumentTransformationMetadataException(Text.Format(SR.RecordingNotName, name));
        }

        if (inputData is not PSObject { BaseObject: not PreRecord } wrapped
            || new InputRow(wrapped) is not { IsCopy: true, OwnType: nameof(PreRecord) } copy)
        {
            return inputData;
        }

        try
        {
            return RecordingSelection.Original(copy);
        }
        catch (CommandException error)
        {
            throw new ArgumentTransformationMetadataException($"{error.Message} {error.Remedy}", error);
        }
    }
}
