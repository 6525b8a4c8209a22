//! No cookie and no form's token opens anything but the one that was given out; on the portal none but that of the browser
//! brings over what it left.
//!
//! The first line of an input is the token of a form, each of the others a header of cookies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use axum::response::Response;
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};
use turnpike::domain::{Text, ZoneName};
use turnpike::http::Endpoints;
use turnpike::portal::{self, Guarded, PortalState};

use super::Target;
use super::http_api::Office;
use super::wire::{Spoiled, World, find, in_worlds};
use crate::support::minutes;

const ADMIN: &str = "10.0.0.254:2051";
const PORTAL: &str = "10.0.0.254:2050";

/// The pages with somebody signed in, and the portal with a phone that left something.
struct Browsers {
    office: Office,
    portal: Guarded,
}

impl World for Browsers {
    async fn start() -> Self {
        let mut office = Office::start().await;
        let app = &office.app;
        let before = app.device(2).await;
        app.handle.create_session(before.id, minutes(100)).await.unwrap();
        app.device(3).await;
        let kept = app.handle.known(before.id, None).await.unwrap();
        office.values.push(("{kept}", kept.token.unwrap_or_default()));
        let state = PortalState::new(app.handle.clone(), ZoneName::new("guests"), Text::new("cafe"))
            .with_history(Arc::new(app.store.clone()));
        Self { portal: portal::router(state), office }
    }

    async fn take(&mut self, input: &[u8]) -> Spoiled {
        let mut lines = input.split(|byte| *byte == b'\n');
        let token = self.header(lines.next().unwrap_or_default());
        let cookies: Vec<HeaderValue> = lines.filter_map(|line| self.header(line)).collect();
        let has = |name: &str| find(input, name.as_bytes()).is_some();
        let signed_in = self.admin(Method::GET, &cookies, token.as_ref()).await;
        assert!(signed_in == 303 || signed_in == 200 && has("{cookie}"), "{signed_in}");
        let posted = self.admin(Method::POST, &cookies, token.as_ref()).await;
        match posted {
            303 => assert_eq!(signed_in, 303, "whoever is signed in is not sent to sign in"),
            403 => assert_eq!(signed_in, 200),
            other => {
                assert!(
                    has("{csrf}") && signed_in == 200 && [400, 404, 405, 422].contains(&other),
                    "{other}"
                );
            }
        }
        self.guest(&cookies, has("{kept}")).await;
        Spoiled(false)
    }

    async fn stop(self) {
        self.office.app.handle.stop().await;
    }
}

impl Browsers {
    /// A header with its names in braces filled in; `None` if HTTP has no such header.
    fn header(&self, line: &[u8]) -> Option<HeaderValue> {
        let mut text = line.to_vec();
        for (name, value) in &self.office.values {
            if let Some(at) = find(&text, name.as_bytes()) {
                text.splice(at..at + name.len(), value.bytes());
            }
        }
        HeaderValue::from_bytes(&text).ok()
    }

    async fn admin(&self, method: Method, cookies: &[HeaderValue], token: Option<&HeaderValue>) -> u16 {
        let path = if method == Method::GET { "/admin/counter" } else { "/admin/nothing" };
        let request = Request::builder().method(method).uri(path).header(header::HOST, ADMIN);
        let mut request =
            request.header(header::ORIGIN, format!("http://{ADMIN}")).body(Body::empty()).unwrap();
        if let Some(token) = token {
            request.headers_mut().append("x-csrf-token", token.clone());
        }
        for cookie in cookies {
            request.headers_mut().append(header::COOKIE, cookie.clone());
        }
        let response = self.office.faces.clone().oneshot(request).await.unwrap();
        if response.status() == 303 {
            assert_eq!(response.headers()[header::LOCATION], "/admin/login");
        }
        assert!(response.headers().get(header::SET_COOKIE).is_none());
        response.status().as_u16()
    }

    /// The page of a phone that has nothing itself.
    async fn guest(&self, cookies: &[HeaderValue], has_kept: bool) {
        let mut request = Request::get("/").header(header::HOST, PORTAL).body(Body::empty()).unwrap();
        for cookie in cookies {
            request.headers_mut().append(header::COOKIE, cookie.clone());
        }
        let (peer, local): (_, SocketAddr) =
            (SocketAddr::new(IpAddr::from([10, 0, 0, 3]), 40_000), PORTAL.parse().unwrap());
        let response: Response =
            Extension(Endpoints::new(peer, local)).layer(self.portal.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.headers().get(header::SET_COOKIE).is_none(), "it has nothing to be known by");
        let page = response.into_body().collect().await.unwrap().to_bytes();
        // What brings it over by the cookie alone.
        let offered = find(&page, b"from earlier").is_some();
        assert!(!offered || has_kept, "what another phone left is offered");
    }
}

/// Opens the target.
pub fn open() -> Target {
    in_worlds::<Browsers>()
}
