#![no_main]
turnpike_fuzz::target!(http_api);
