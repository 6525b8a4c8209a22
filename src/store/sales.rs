use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite};

use super::rows::Columns;
use super::sql::rows_before;
use super::{Store, StoreError};
use crate::domain::{Money, Sale, SaleItem, Text, WallTime};

pub(super) const COLUMNS: &str =
    "s.id, s.at, s.seller, s.item, s.plan, s.voucher, s.device, s.session, s.amount, s.note";

/// A quarter of an hour: local days begin and end at one, wherever the place is.
const QUARTER_MS: i64 = 900_000;

/// Which lines of the till.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SalesQuery {
    /// From then on.
    pub from: Option<WallTime>,
    /// Before then.
    pub to: Option<WallTime>,
    /// By this seller.
    pub seller: Option<String>,
    /// Of this plan.
    pub plan: Option<String>,
    /// Of this sort.
    pub item: Option<SaleItem>,
    /// Of this voucher, by its row.
    pub voucher: Option<i64>,
    /// From 1.
    pub page: u32,
    /// At most this many.
    pub per_page: u32,
}

/// A line of the till, and which one it gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSale {
    /// The line.
    pub sale: Sale,
    /// The sale that it gives money back for.
    pub refunds: Option<uuid::Uuid>,
}

/// What came in within a quarter of an hour, by one seller for one plan and sort of thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesSum {
    /// When the quarter began.
    pub at: WallTime,
    /// By whom.
    pub seller: String,
    /// Which plan, if one.
    pub plan: Option<String>,
    /// What.
    pub item: SaleItem,
    /// How many were sold.
    pub sold: u64,
    /// How many were given back.
    pub refunded: u64,
    /// How much came in, less what was given back.
    pub amount: Money,
}

impl Store {
    /// A page of the till's lines, the newest first, and how many there are in all.
    pub async fn list_sales(&self, wanted: &SalesQuery) -> Result<(Vec<ListedSale>, u64), StoreError> {
        let mut counting = QueryBuilder::new("SELECT count(*) FROM sales s");
        push_conditions(&mut counting, wanted);
        let total: i64 = counting.build_query_scalar().persistent(false).fetch_one(&self.readers).await?;
        let mut query = QueryBuilder::new(format!(
            "SELECT {COLUMNS}, r.refunded FROM sales s LEFT JOIN refunds r ON r.sale = s.id"
        ));
        push_conditions(&mut query, wanted);
        query.push(" ORDER BY s.at DESC, s.id DESC LIMIT ").push_bind(i64::from(wanted.per_page));
        query.push(" OFFSET ").push_bind(rows_before(wanted.page, wanted.per_page));
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        Ok((rows.iter().map(listed).collect::<Result<_, _>>()?, total.unsigned_abs()))
    }

    /// One line of the till.
    pub async fn find_sale(&self, id: uuid::Uuid) -> Result<Option<ListedSale>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS}, r.refunded FROM sales s LEFT JOIN refunds r ON r.sale = s.id WHERE s.id = $1"
        );
        let row = sqlx::query(AssertSqlSafe(text)).bind(id.to_string()).fetch_optional(&self.readers).await?;
        row.as_ref().map(listed).transpose()
    }

    /// What came in, summed up so far that days of any place can be made of it.
    pub async fn sum_sales(&self, wanted: &SalesQuery) -> Result<Vec<SalesSum>, StoreError> {
        // Rounded down, also before 1970, which a clock without a battery shows.
        let mut query = QueryBuilder::new("SELECT (s.at - ((s.at % ");
        query.push(QUARTER_MS).push(") + ").push(QUARTER_MS).push(") % ").push(QUARTER_MS);
        query.push(") AS quarter, s.seller, s.plan, s.item, sum(s.amount >= 0), sum(s.amount < 0), sum(s.amount) FROM sales s");
        push_conditions(&mut query, wanted);
        query.push(" GROUP BY quarter, s.seller, s.plan, s.item ORDER BY quarter, s.seller, s.plan, s.item");
        let rows = query.build().persistent(false).fetch_all(&self.readers).await?;
        rows.iter().map(sum).collect()
    }
}

fn push_conditions(query: &mut QueryBuilder<Sqlite>, wanted: &SalesQuery) {
    query.push(" WHERE 1");
    if let Some(from) = wanted.from {
        query.push(" AND s.at >= ").push_bind(from.0);
    }
    if let Some(to) = wanted.to {
        query.push(" AND s.at < ").push_bind(to.0);
    }
    if let Some(seller) = &wanted.seller {
        query.push(" AND s.seller = ").push_bind(seller.clone());
    }
    if let Some(plan) = &wanted.plan {
        query.push(" AND s.plan = ").push_bind(plan.clone());
    }
    if let Some(item) = wanted.item {
        query.push(" AND s.item = ").push_bind(item.as_str());
    }
    if let Some(voucher) = wanted.voucher {
        query.push(" AND s.voucher = ").push_bind(voucher);
    }
}

fn sum(row: &SqliteRow) -> Result<SalesSum, StoreError> {
    let mut columns = Columns::new(row, "sales");
    Ok(SalesSum {
        at: columns.wall()?,
        seller: columns.text()?.to_owned(),
        plan: columns.text_if()?.map(str::to_owned),
        item: item(&mut columns)?,
        sold: columns.count()?,
        refunded: columns.count()?,
        amount: Money(columns.int()?),
    })
}

fn item(columns: &mut Columns<'_>) -> Result<SaleItem, StoreError> {
    SaleItem::from_name(columns.text()?).ok_or_else(|| columns.wrong("an unknown sort of thing was sold"))
}

/// A row of [`COLUMNS`].
pub(super) fn sale(row: &SqliteRow) -> Result<Sale, StoreError> {
    columns_of_sale(&mut Columns::new(row, "sales"))
}

fn columns_of_sale(columns: &mut Columns<'_>) -> Result<Sale, StoreError> {
    // Struct fields are evaluated in the order written here, which is that of the columns.
    Ok(Sale {
        id: columns.parse()?,
        at: columns.wall()?,
        seller: Text::new(columns.text()?),
        item: item(columns)?,
        plan: columns.text_if()?.map(str::to_owned),
        voucher: columns.int_if()?,
        device: columns.parse_if()?,
        session: columns.parse_if()?,
        amount: Money(columns.int()?),
        note: columns.text_if()?.map(Text::new),
    })
}

fn listed(row: &SqliteRow) -> Result<ListedSale, StoreError> {
    let mut columns = Columns::new(row, "sales");
    Ok(ListedSale { sale: columns_of_sale(&mut columns)?, refunds: columns.parse_if()? })
}

/// Writes sales; one whose id is there already is the same sale.
pub(super) async fn put(connection: &mut SqliteConnection, sales: &[Sale]) -> Result<(), StoreError> {
    for sale in sales {
        sqlx::query(
            "INSERT INTO sales (id, at, seller, item, plan, voucher, device, session, amount, note) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        )
        .bind(sale.id.to_string())
        .bind(sale.at.0)
        .bind(sale.seller.as_str())
        .bind(sale.item.as_str())
        .bind(sale.plan.as_deref())
        .bind(sale.voucher)
        .bind(sale.device.map(|device| device.to_string()))
        .bind(sale.session.map(|session| session.to_string()))
        .bind(sale.amount.0)
        .bind(sale.note.as_ref().map(Text::as_str))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Takes sales out that have been taken back before anybody was told of them.
pub(super) async fn drop(connection: &mut SqliteConnection, sales: &[uuid::Uuid]) -> Result<(), StoreError> {
    for id in sales {
        sqlx::query("DELETE FROM sales WHERE id = $1").bind(id.to_string()).execute(&mut *connection).await?;
    }
    Ok(())
}
