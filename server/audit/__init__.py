"""`penchant-audit`, the compliance officer's command: bundles out of any store, checked by nobody's word."""
