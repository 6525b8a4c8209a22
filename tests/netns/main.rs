//! Tests with real packets in network namespaces. They need root; without it they fail.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "these are tests: they panic when something is wrong, and measure the real clock"
)]

mod crash_matrix;
mod e2e_addresses;
mod e2e_admin;
mod e2e_admin_box;
mod e2e_admin_pages;
mod e2e_admin_sales;
mod e2e_bad_input;
mod e2e_browser;
mod e2e_browser_states;
mod e2e_browser_themes;
mod e2e_captive;
mod e2e_churn;
mod e2e_clocks;
mod e2e_coins;
mod e2e_crash;
mod e2e_doctor;
mod e2e_faces;
mod e2e_garden;
mod e2e_guest_log;
mod e2e_handover;
mod e2e_hostile;
mod e2e_kernel;
mod e2e_limits;
mod e2e_listeners;
mod e2e_locks;
mod e2e_management;
mod e2e_moves;
mod e2e_neighbours;
mod e2e_openapi;
mod e2e_opening_hours;
mod e2e_operator;
mod e2e_package;
mod e2e_plugins;
mod e2e_probes;
mod e2e_rates;
mod e2e_restore;
mod e2e_service;
mod e2e_settings;
mod e2e_setup;
mod e2e_time;
mod e2e_tls;
mod e2e_walk;
mod faulty_disk;
mod gate;
mod lab;
mod lab_itself;
mod net;
mod shaper;
