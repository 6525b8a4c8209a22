#![no_main]
turnpike_fuzz::target!(plugin_line);
