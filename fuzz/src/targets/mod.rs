//! What is held against any input, a file each; `docs/fuzzing.md` lists them.

#[cfg(fuzzing)]
pub mod netlink;

pub mod config;
pub mod cookie;
pub mod filter;
pub mod guest_log;
pub mod http_api;
pub mod http_portal;
pub mod leases;
pub mod plugin_line;
pub mod theme;
pub mod voucher_code;
pub mod wire;

/// Takes one input after the other and panics at what must not be.
pub type Target = Box<dyn FnMut(&[u8])>;

/// Makes one ready.
pub type Opens = fn() -> Target;

/// Those that need nothing but what the crate shows to everybody.
pub const ALL: [(&str, Opens); 10] = [
    ("config", config::open),
    ("cookie", cookie::open),
    ("filter", filter::open),
    ("guest_log", guest_log::open),
    ("http_api", http_api::open),
    ("http_portal", http_portal::open),
    ("leases", leases::open),
    ("plugin_line", plugin_line::open),
    ("theme", theme::open),
    ("voucher_code", voucher_code::open),
];

/// A target of an input that is text.
fn of_text(mut run: impl FnMut(&str) + 'static) -> Target {
    Box::new(move |bytes| {
        if let Ok(text) = std::str::from_utf8(bytes) {
            run(text);
        }
    })
}

/// A line for people: short, and nothing in it that moves the cursor.
fn assert_sayable(text: &str, most_bytes: usize) {
    assert!(text.len() <= most_bytes, "{} bytes: {text}", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}
