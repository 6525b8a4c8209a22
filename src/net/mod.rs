//! Links, neighbours, addresses, leases: who is on the network.
