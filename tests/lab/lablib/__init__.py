"""The lab's library. It needs Python's standard library alone. From the bottom up:

    paths           where things lie in the repository
    errors          LabError
    results         what a run of tests comes to
    frames          the command channel's frames
    host            a dom0, and commands in it
    configurations  the table of guests
    machine         what an emulated machine is made of
    link            the command channel into one machine
    server          the control socket that clients come to
    lab             boots machines, ends them, and is attached to

    ports           TCP ports of dom0
    memory          what a hypervisor has free
    marks           what the module has noted in xenstore
    costs           what a move costs dom0
    shares          how dom0 and its guests share a processor
    guest           a guest that checks itself
    module_shell    PowerShell with the module in dom0
    moves           the module's methods, and a move by one of them
    ways            connections from a host to a receiver
    database        what a guest's database has, and what its peer has heard of it
    service         the receiver's service in a dom0, under a supervisor
    extension_tool  the program that drives the hypervisor's extension
    random_rounds   moves that meet a failure at a random moment

    channel_case    and the other _case modules: what several checks share
    driver_case     of tests/lab/run
    extension_case  of the hypervisor's extension
    move_case       of recordings and moves
    output_case     of outputs that are held back
    custody_case    of who holds a guest
"""
