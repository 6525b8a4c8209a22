use std::net::Ipv4Addr;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Daemon, HttpAnswer, HttpRequest, Lab};

const ADMIN: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 2051);
const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody at the admin pages, without a browser.
pub struct Desk<'lab> {
    lab: &'lab Lab,
    /// What stands for the sign-in.
    pub cookie: String,
}

impl<'lab> Desk<'lab> {
    /// Makes a token that may do everything and signs in with it.
    pub fn open(lab: &'lab Lab, daemon: &Daemon<'_>) -> Self {
        let made = daemon.post("/api/v1/tokens", &json!({"name": "desk", "permissions": ["admin"]}));
        Self::sign_in(lab, made["token"].as_str().expect("a token"))
    }

    /// Signs in with a token.
    pub fn sign_in(lab: &'lab Lab, token: &str) -> Self {
        let mut desk = Self { lab, cookie: String::new() };
        let answer = desk.post("/admin/login", &[("token", token)]);
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{answer:?}"));
        desk.cookie = cookie.split(';').next().expect("a cookie").to_owned();
        desk
    }

    /// Opens a page.
    pub fn get(&self, path: &str) -> HttpAnswer {
        HttpRequest::get(path)
            .header("Cookie", &self.cookie)
            .send(&self.lab.router, ADMIN)
            .expect("an answer")
    }

    /// Sends a form.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> HttpAnswer {
        self.try_post(path, fields).expect("an answer")
    }

    /// Sends a form to a daemon that may not answer.
    pub fn try_post(&self, path: &str, fields: &[(&str, &str)]) -> std::io::Result<HttpAnswer> {
        let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let mut body = format!("csrf={}", self.csrf());
        for (name, value) in fields {
            body += &format!("&{name}={}", encoded(value));
        }
        self.send(path, FORM, body.as_bytes())
    }

    /// Sends a form with a file.
    pub fn upload(&self, path: &str, file: &[u8]) -> HttpAnswer {
        let head =
            b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"b\"\r\n\r\n".as_slice();
        let body = [head, file, b"\r\n--XX--\r\n"].concat();
        let kind = "multipart/form-data; boundary=XX";
        self.send(&format!("{path}?csrf={}", self.csrf()), kind, &body).expect("an answer")
    }

    fn send(&self, path: &str, kind: &str, body: &[u8]) -> std::io::Result<HttpAnswer> {
        HttpRequest::new("POST", path, kind, body)
            .header("Cookie", &self.cookie)
            .header("Origin", &format!("http://{}:{}", ADMIN.0, ADMIN.1))
            .send(&self.lab.router, ADMIN)
    }

    fn csrf(&self) -> String {
        let value = self.cookie.split_once('=').map_or("", |(_, value)| value);
        hex(&Sha256::digest(format!("turnpike admin form 1\0{value}")), 16)
    }
}

/// The first bytes in hexadecimal.
pub fn hex(bytes: &[u8], most: usize) -> String {
    bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect()
}
