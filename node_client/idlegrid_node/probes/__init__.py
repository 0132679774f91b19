"""Looking at the machine: small probes, none of which is trusted to answer."""
