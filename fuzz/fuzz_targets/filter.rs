#![no_main]
turnpike_fuzz::target!(filter);
