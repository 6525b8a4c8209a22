use std::net::SocketAddr;

use axum::http::{HeaderMap, header};

use crate::config::{AdminConfig, AdminTls};

/// Where these pages are afterwards, if whoever has them open does not reach them where they are now.
pub(super) fn moved(old: SocketAddr, new: &AdminConfig, is_tls: bool, headers: &HeaderMap) -> Option<String> {
    let stays_readable = match new.tls {
        AdminTls::Offered => true,
        AdminTls::Required => is_tls,
        AdminTls::Off => !is_tls,
    };
    if new.listen == old && stays_readable {
        return None;
    }
    let scheme = match new.tls {
        AdminTls::Required => "https",
        AdminTls::Off => "http",
        AdminTls::Offered => {
            if is_tls {
                "https"
            } else {
                "http"
            }
        }
    };
    let port = new.listen.port();
    let place = if new.listen.ip().is_unspecified() {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("{}:{port}", without_port(host))
    } else {
        new.listen.to_string()
    };
    Some(format!("{scheme}://{place}/admin/settings/result"))
}

/// The host of `host:port`; an IPv6 address stays in its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn place(admin: &str, is_tls: bool) -> Option<String> {
        let text = format!("[[zone]]\nname = \"guests\"\nlan = [\"br\"]\n[admin]\n{admin}\n");
        let config = Config::parse(&text, Path::new("t")).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "box.lan:2051".parse().unwrap());
        moved("127.0.0.1:2051".parse().unwrap(), &config.admin, is_tls, &headers)
    }

    #[test]
    fn it_is_said_where_the_pages_go() {
        assert_eq!(place("", true), None);
        assert_eq!(place("tls = \"required\"", true), None);
        let at = |place: &str| Some(format!("{place}/admin/settings/result"));
        assert_eq!(place("tls = \"required\"", false), at("https://127.0.0.1:2051"));
        assert_eq!(place("tls = \"off\"", true), at("http://127.0.0.1:2051"));
        assert_eq!(place("listen = \"[::]:2061\"", false), at("http://box.lan:2061"));
        assert_eq!(place("listen = \"[fd00::1]:2061\"", true), at("https://[fd00::1]:2061"));
        assert_eq!(
            (without_port("[::1]:80"), without_port("[::1]"), without_port("a")),
            ("[::1]", "[::1]", "a")
        );
    }
}
