namespace PreRecordMigration.Xen.Domains;

/// <summary>What emulates devices beside a domain, as far as the domain's life and its recording need it.</summary>
internal interface IDeviceEmulator
{
    /// <summary>Stops the emulated devices: from here on they change neither themselves nor the domain's memory.</summary>
    void Stop();

    /// <summary>Lets the devices go on. Does nothing where they were not stopped.</summary>
    void Continue();

    /// <summary>Whether the emulator marks the pages that it writes in the hypervisor's log-dirty bitmap.</summary>
    void TrackWrites(bool isOn);
}
