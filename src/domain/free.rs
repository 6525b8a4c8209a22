use super::{FormField, Phrase, PlanName, Repeat, SessionTerms, Text};

/// Free access: so much for each device in each period, for a click.
#[derive(Debug, Clone, PartialEq)]
pub struct FreeOffer {
    /// The heading of its part of the page.
    pub title: Text,
    /// A sentence above the form.
    pub text: Text,
    /// What is given.
    pub gives: FreeGift,
    /// How often.
    pub repeat: Repeat,
    /// What is to be filled in: `name`, `email`, `phone`, `terms`.
    pub fields: Vec<FormField>,
}

/// What free access gives.
#[derive(Debug, Clone, PartialEq)]
pub enum FreeGift {
    /// What a plan says.
    Plan(PlanName),
    /// This.
    Terms(Box<SessionTerms>),
}

impl FreeOffer {
    /// The fields that there can be, with what stands beside them.
    pub const FIELDS: [(&str, Phrase); 4] = [
        ("name", Phrase::FreeName),
        ("email", Phrase::FreeEmail),
        ("phone", Phrase::FreePhone),
        ("terms", Phrase::FreeTerms),
    ];
    /// The plan that sessions of it carry, if it is none of the plans.
    pub const PLAN: &str = "free";
}
