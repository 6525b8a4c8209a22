use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use super::Problem;

/// What every answer for programs carries: not kept, not sniffed, not framed, and nothing in it runs.
const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// Gives a router of an API what all of them share: 404 and 405 as problems, and the security headers. A header that a
/// handler set itself stays.
pub fn finish_api(router: Router) -> Router {
    router
        .fallback(|| async { Problem::no_such_page() })
        .method_not_allowed_fallback(|| async { Problem::wrong_method() })
        .layer(middleware::from_fn(security_headers))
}

async fn security_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Method, StatusCode};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(method: Method, path: &str) -> Response {
        let router = finish_api(Router::new().route("/here", get(|| async { "yes" })));
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        router.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_not_there_is_a_problem() {
        for (method, path, status) in [
            (Method::GET, "/nowhere", StatusCode::NOT_FOUND),
            (Method::DELETE, "/here", StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let response = ask(method, path).await;
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(
                response.headers().contains_key(header::ALLOW),
                status == StatusCode::METHOD_NOT_ALLOWED
            );
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["status"], status.as_u16());
            assert!(body["type"].as_str().unwrap().starts_with("/problems/"));
        }
    }

    #[tokio::test]
    async fn every_answer_has_the_security_headers() {
        for path in ["/here", "/nowhere"] {
            let response = ask(Method::GET, path).await;
            for (name, value) in HEADERS {
                assert_eq!(response.headers()[name], value);
            }
        }
    }
}
