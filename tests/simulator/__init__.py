"""A simulator of two machines that run the product at once, and of all that goes wrong around them.

One history is a random sequence of steps, drawn from a seed: people edit manifests and run commands on both machines; runs
are suspended between any two calls or file operations, killed there (a write may be torn), interrupted, or lose their lock;
AWS and S3 lose requests and answers, act late, fail, throttle, and show changes late; disks are full; the power fails, and
what was not synced is lost; people delete, damage or replace files and put older and newer states in their place; other
clients create, change and delete mappings. Planning, execution and backends are the product's own. A command is a process
whose threads take turns (`turns`), on a clock that the scheduler winds, so that a seed always gives the same history.

Half of the histories have their state in S3: the machines share the bucket, each has a checkout of the manifest, which the
other one pulls, and a power failure ends one of them. In the other half both are processes on one directory: they share
manifest, state, journal and the lock's file, and a power failure ends both. `force-unlock` is for S3; the like of it for a
directory is `rm` of the lock's file.

At the end the faults stop: what is late arrives, what runs ends, and a person applies and does what the hint of each
refusal asks for, until it is done. Then `plan` and `drift` must be empty and nothing may be lost (`history`); `excuses`
decides what counts as lost by people. While a history goes on, no process may touch what is not its own or change anything
without the lock (`world`), and what a command reports when it ends must be true (`commands`).

Histories with mappings of S3 too have seeds of their own. Two buckets and the policies of two functions stand beside the
mappings; other clients write them, also just before any call of a run arrives. `sources` looks at each write: what others
have must be written as it was read, and of ours only what state or journal have may be written, changed or removed. What
somebody wrote between a read and the write that followed it may be lost, because S3 has no conditional write; the record
of writes must show it.

    python -m tests.simulator 1000              # as many histories, of random seeds
    python -m tests.simulator 1 --seed 17       # prints the history of a seed
    python -m tests.simulator 60 --s3 --seed 0  # with mappings of S3 too
"""
