"""The device runtime: opens verified releases and ranks, explains and forgets offline, without torch."""
