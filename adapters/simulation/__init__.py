"""What the banks' simulators share: the faults they can be told to show, and how each looks on the wire."""
