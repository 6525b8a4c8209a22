use super::handle::{Handle, OPERATOR, new_session};
use super::vouchers::store_failed;
use crate::domain::sessions_mgr::Command;
use crate::domain::{
    ClientSession, CloseReason, DeviceId, Money, NewBatch, Once, Plan, Refusal, Sale, SaleItem, SessionId,
    SessionPatch, TermsError, Text, Voucher, VoucherOffer,
};
use crate::store::{Refund, Refunded, Stock, VoucherTill};

/// How often what goes on with a refunded session is looked for, while others move it.
const TRIES: usize = 8;
const COMES_ANEW: &str = "this plan comes anew: sell it as a voucher, and redeem that";

/// Who takes the money, and a remark.
#[derive(Debug, Clone)]
pub struct Till {
    /// A token's name, or `root`.
    pub seller: Text,
    /// A remark.
    pub note: Option<Text>,
}

/// What is sold as a code.
#[derive(Debug, Clone)]
pub enum SaleOf {
    /// A plan: a code is made for it.
    Plan(String),
    /// The next code of a batch.
    Batch(i64),
    /// This very code: the piece of paper that changes hands.
    Code(String),
}

/// A voucher that was sold.
#[derive(Debug, Clone, PartialEq)]
pub struct SoldVoucher {
    /// The voucher.
    pub voucher: Voucher,
    /// Its code, as it is printed.
    pub code: String,
    /// The line of the till.
    pub sale: Sale,
}

/// What a session is topped up by.
#[derive(Debug, Clone)]
pub enum TopUpOf {
    /// What a plan grants, at its price.
    Plan(String),
    /// So much, at this price.
    Amounts(SessionPatch, Money),
}

/// The work at the counter. Each sale is a line of the till in the transaction that does what was paid for; under an
/// `Idempotency-Key` ([`Handle::under`]) it is made once.
impl Handle {
    /// Sells a voucher; its code is in the answer.
    pub async fn sell(&self, what: SaleOf, till: Till) -> Result<SoldVoucher, Refusal> {
        let (store, vault) = (&self.shared.store, &self.shared.vault);
        let line = self.line(till);
        let once = self.once();
        let sold = match what {
            SaleOf::Batch(batch) => store.sell_voucher(Stock::Batch(batch), &line, once).await,
            SaleOf::Code(code) => {
                let lookup = vault.lookup(&code).ok_or(Refusal::VoucherUnknown)?;
                store.sell_voucher(Stock::Code(&lookup), &line, once).await
            }
            SaleOf::Plan(name) => {
                let plan = self.plan_on_sale(&name).await?;
                let offer = VoucherOffer::of_plan(&plan);
                let new = NewBatch::new(Some(plan.title.clone()), plan.terms, None, None, 1)?
                    .offering(offer, None)?;
                let codes = vault.new_codes(1).map_err(|error| Refusal::Store(error.to_string()))?;
                let (_, sealed) =
                    codes.into_iter().next().ok_or_else(|| Refusal::Store("no code was made".to_owned()))?;
                store.sell_voucher(Stock::New(&new, &sealed), &line, once).await
            }
        };
        let (listed, sale) = sold.map_err(store_failed)??;
        let code = vault.unseal(&listed.code).map_err(|error| Refusal::Store(error.to_string()))?;
        Ok(SoldVoucher { voucher: listed.voucher, code: code.to_string(), sale })
    }

    /// The sale of a voucher, found again.
    pub async fn sold(&self, voucher: i64) -> Result<SoldVoucher, Refusal> {
        let listed = self.listed_voucher(voucher).await?;
        let code = self.shared.vault.unseal(&listed.code);
        let code = code.map_err(|error| Refusal::Store(error.to_string()))?.to_string();
        let sale = listed.voucher.sold.as_ref().ok_or(Refusal::UnknownSale)?.sale;
        let found = self.shared.store.find_sale(sale).await.map_err(store_failed)?;
        let sale = found.ok_or(Refusal::UnknownSale)?.sale;
        Ok(SoldVoucher { voucher: listed.voucher, code, sale })
    }

    /// Sells more of a session; acts at once on a running one.
    pub async fn top_up(
        &self,
        session: SessionId,
        what: TopUpOf,
        till: Till,
    ) -> Result<ClientSession, Refusal> {
        let (patch, plan, price) = match what {
            TopUpOf::Amounts(patch, price) => (patch, None, price),
            TopUpOf::Plan(name) => {
                let plan = self.plan_on_sale(&name).await?;
                if let Some(problem) = cannot_be_added(&plan) {
                    return Err(TermsError { field: "plan", problem: problem.to_owned() }.into());
                }
                (added_by(&plan), Some(plan.name.to_string()), plan.price)
            }
        };
        if patch.add_time_ms == 0 && patch.add_data_bytes == 0 {
            let problem = "say how much is added: a plan, add_time_secs or add_data_mb".to_owned();
            return Err(TermsError { field: "plan", problem }.into());
        }
        let sale = Box::new(self.sale(SaleItem::TopUp, plan, price, till));
        match self.for_session(Command::TopUp { session, patch, sale }).await {
            Err(refusal) => Err(self.or_ended(session, refusal).await),
            done => done,
        }
    }

    /// Sells more to a device: more of the session that it runs or would run next, if that is of the same kind and speed and
    /// does not expire; else a session of its own, after what it has.
    pub async fn top_up_device(
        &self,
        device: DeviceId,
        what: TopUpOf,
        till: Till,
    ) -> Result<ClientSession, Refusal> {
        let next = self.usable_sessions(device).await?.into_iter().next();
        let name = match what {
            TopUpOf::Amounts(..) => {
                return self.top_up(next.ok_or(Refusal::NoSession)?.id, what, till).await;
            }
            TopUpOf::Plan(name) => name,
        };
        let plan = self.plan_on_sale(&name).await?;
        if let Some(session) = next.filter(|session| fits(session, &plan)) {
            return self.top_up(session.id, TopUpOf::Plan(name), till).await;
        }
        if plan.repeat.is_some() {
            return Err(TermsError { field: "plan", problem: COMES_ANEW.to_owned() }.into());
        }
        let mut new = new_session(device, OPERATOR, plan.terms.clone());
        new.data = plan.source_data(None);
        new.data.sale = Some(Box::new(self.sale(SaleItem::Session, Some(name), plan.price, till)));
        self.for_session(Command::CreateSession(Box::new(new))).await
    }

    /// Gives money back. If all of it is, what was sold is taken back with it, unless it is to be kept. Again, it closes
    /// what a crash left open.
    pub async fn refund(
        &self,
        sale: uuid::Uuid,
        amount: Option<Money>,
        keep: bool,
        till: Till,
    ) -> Result<Refunded, Refusal> {
        let refund = Refund { sale, amount, keep, line: self.line(till) };
        let done = self.shared.store.refund(&refund, self.once()).await.map_err(store_failed)?;
        let ends = match &done {
            Ok(done) => done.taken_back,
            Err(refusal) => matches!(refusal, Refusal::CannotRefund(_)),
        };
        if ends {
            self.take_back(sale).await?;
        }
        done
    }

    /// Closes what came of a sale that was given back and is not to be kept, whoever has it by now.
    pub async fn take_back(&self, sale: uuid::Uuid) -> Result<(), Refusal> {
        let store = &self.shared.store;
        let Some(found) = store.find_sale(sale).await.map_err(store_failed)? else { return Ok(()) };
        if let Some(voucher) = found.sale.voucher {
            let listed = self.listed_voucher(voucher).await?;
            if listed.voucher.revoked_at.is_some() {
                self.close_vouchers(vec![listed]).await?;
            }
            return Ok(());
        }
        // One that is moved or used up meanwhile goes on as another one.
        for _ in 0..TRIES {
            let left = store.refunded_with_sessions(Some(sale)).await.map_err(store_failed)?;
            if left.is_empty() {
                break;
            }
            self.close_refunded(left).await?;
        }
        Ok(())
    }

    /// Closes sessions that money was given back for.
    pub(super) async fn close_refunded(&self, sessions: Vec<SessionId>) -> Result<(), Refusal> {
        // What the request depends on was decided with the refund.
        let handle = Self { proviso: None, ..self.clone() };
        for session in sessions {
            match handle.close_session(session, CloseReason::Revoked, Text::new("refunded")).await {
                Ok(_) | Err(Refusal::UnknownSession) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(())
    }

    fn once(&self) -> Option<&Once> {
        self.proviso.as_ref().and_then(|proviso| proviso.once.as_ref())
    }

    fn line(&self, till: Till) -> VoucherTill {
        let Till { seller, note } = till;
        let note = note.filter(|note| !note.is_empty());
        VoucherTill { id: uuid::Uuid::now_v7(), seller, at: self.believable(), note }
    }

    fn sale(&self, item: SaleItem, plan: Option<String>, amount: Money, till: Till) -> Sale {
        let VoucherTill { id, seller, at, note } = self.line(till);
        Sale { id, at, seller, item, plan, voucher: None, device: None, session: None, amount, note }
    }

    async fn plan_on_sale(&self, name: &str) -> Result<Plan, Refusal> {
        let found = self.shared.store.find_plan(name).await.map_err(store_failed)?;
        let plan = found.ok_or_else(|| Refusal::UnknownPlan(Text::new(name).to_string()))?;
        if plan.on_sale { Ok(plan) } else { Err(Refusal::NotOnSale) }
    }
}

/// Why a plan cannot be added to a session, whatever that has.
fn cannot_be_added(plan: &Plan) -> Option<&'static str> {
    if plan.repeat.is_some() {
        Some(COMES_ANEW)
    } else if plan.terms.exp_days.is_some() {
        Some("this plan's days cannot be added to a session: sell it to the device, or as a voucher")
    } else {
        None
    }
}

/// What a plan adds to a session.
fn added_by(plan: &Plan) -> SessionPatch {
    SessionPatch {
        add_time_ms: plan.terms.time_limit_ms.unwrap_or(0),
        add_data_bytes: plan.terms.data_limit_bytes.unwrap_or(0),
        ..SessionPatch::default()
    }
}

/// Whether more of a session is the same as a session of the plan.
fn fits(session: &ClientSession, plan: &Plan) -> bool {
    let (has, sells) = (&session.terms, &plan.terms);
    plan.repeat.is_none()
        && has.kind == sells.kind
        && (has.down, has.up, has.use_global_speed) == (sells.down, sells.up, sells.use_global_speed)
        && sells.exp_days.is_none()
        && session.expires_at.is_none()
        && has.exp_days.is_none()
        && session.at_end == plan.at_end
        && session.roles == plan.roles
}
