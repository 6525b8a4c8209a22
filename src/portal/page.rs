use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::inbox::MessageView;
use super::view::Standing;

/// A guest's page. One template: the card changes with the standing.
#[derive(Debug, Clone, Template)]
#[template(path = "portal/page.html")]
pub struct Page<'a> {
    /// The gateway's name, in the header.
    pub gateway: &'a str,
    /// Where the device stands.
    pub standing: Standing,
    /// The text that a connect, a disconnect or an operator left for this device.
    pub notice: Option<&'a str>,
    /// What operators left for it, the newest first.
    pub messages: Vec<MessageView>,
    /// What went wrong with what the guest just did.
    pub trouble: Option<Trouble>,
    /// The code to show in the voucher form again.
    pub code: &'a str,
    /// Whether the page reloads itself where there is no script.
    pub refresh: bool,
}

/// What went wrong, and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A short sentence.
    pub text: String,
    /// Whether it is about the code that was typed.
    pub about_code: bool,
}

/// A page that only says something: a wrong address, a refused form.
#[derive(Debug, Clone, Template)]
#[template(path = "portal/message.html")]
pub struct Message<'a> {
    /// The gateway's name.
    pub gateway: &'a str,
    /// The heading.
    pub heading: &'a str,
    /// A sentence or two.
    pub text: &'a str,
}

impl<'a> Page<'a> {
    /// The page of a device, with nothing to complain of.
    pub const fn new(gateway: &'a str, standing: Standing) -> Self {
        Self {
            gateway,
            standing,
            notice: None,
            messages: Vec::new(),
            trouble: None,
            code: "",
            refresh: false,
        }
    }

    fn code_trouble(&self) -> Option<&str> {
        self.trouble.as_ref().filter(|trouble| trouble.about_code).map(|trouble| trouble.text.as_str())
    }

    fn other_trouble(&self) -> Option<&str> {
        self.trouble.as_ref().filter(|trouble| !trouble.about_code).map(|trouble| trouble.text.as_str())
    }

    fn title(&self) -> String {
        let prefix = if self.trouble.is_some() { "Error: " } else { "" };
        format!("{prefix}{} – {}", self.standing.heading(), self.gateway)
    }

    /// The page as an answer.
    pub fn respond(&self, status: StatusCode) -> Response {
        html(status, self.render())
    }
}

impl Message<'_> {
    /// The page as an answer.
    pub fn respond(&self, status: StatusCode) -> Response {
        html(status, self.render())
    }
}

fn html(status: StatusCode, rendered: Result<String, askama::Error>) -> Response {
    match rendered {
        Ok(page) => (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "a portal page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here. Please try again.")
                .into_response()
        }
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
