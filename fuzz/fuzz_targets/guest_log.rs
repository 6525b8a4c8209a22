#![no_main]
turnpike_fuzz::target!(guest_log);
