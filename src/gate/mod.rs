//! nftables: the base ruleset, and what the kernel holds of each client.
