#![no_main]
turnpike_fuzz::target!(voucher_code);
