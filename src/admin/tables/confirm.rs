use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::name::Name;
use crate::admin::form::{Form, Hidden};
use crate::admin::frame::Frame;
use crate::admin::page::html;

/// Are you sure? What is about to happen, and the ways on and back.
#[derive(Debug, Template)]
#[template(path = "admin/sure.html")]
pub(super) struct ConfirmPage {
    pub(super) frame: Frame,
    pub(super) heading: String,
    /// What it is about.
    pub(super) about: Vec<Name>,
    /// How many more it is about.
    pub(super) more: usize,
    /// What will happen, a sentence each.
    pub(super) says: Vec<String>,
    /// Texts of somebody's that are part of it, each with what it is.
    pub(super) texts: Vec<(&'static str, Name)>,
    /// What has become different since it was asked first.
    pub(super) differs: Option<String>,
    /// Where it is sent.
    pub(super) place: String,
    pub(super) hidden: Hidden,
    /// Asks for a reason.
    pub(super) asks_reason: bool,
    pub(super) typed: Form,
    pub(super) button: String,
    /// It cannot be undone.
    pub(super) is_final: bool,
    pub(super) back: String,
    pub(super) back_text: &'static str,
}

impl ConfirmPage {
    pub(super) fn respond(&self, status: StatusCode) -> Response {
        html(status, self.render())
    }
}
