use super::{Purchase, Rates};
use crate::domain::Currency;

/// What was bought, in words: `1 h 30 min`, `500 MB`.
pub fn in_words(purchase: &Purchase) -> String {
    grants(purchase.time_ms, purchase.data_bytes)
}

/// A price list on one line.
pub fn sells(rates: &Rates, currency: Currency) -> String {
    let row = |rate: &super::Rate| {
        format!("{}: {}", currency.show(rate.price()), grants(rate.time_ms(), rate.data_bytes()))
    };
    rates.rows().iter().map(row).collect::<Vec<_>>().join(" · ")
}

fn grants(time_ms: u64, data_bytes: u64) -> String {
    let parts =
        [(time_ms > 0).then(|| duration(time_ms / 1_000)), (data_bytes > 0).then(|| size(data_bytes))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

fn duration(secs: u64) -> String {
    let units = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "min"), (secs % 60, "s")];
    units
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn size(bytes: u64) -> String {
    let (unit, name) = if bytes >= 1_000_000_000 { (1_000_000_000, "GB") } else { (1_000_000, "MB") };
    let (whole, thousandths) = (bytes / unit, bytes % unit / (unit / 1_000));
    match thousandths {
        0 => format!("{whole} {name}"),
        rest => format!("{whole}.{} {name}", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Money, coin::Rate};

    #[test]
    fn what_is_sold_reads_well() {
        let rate = |price, secs, mb| Rate::new(Money(price), secs, mb, None).unwrap();
        let rates = Rates::new(vec![
            rate(50, Some(5_400), None),
            rate(100, None, Some(1_500.0)),
            rate(1_000, Some(86_430), Some(20.25)),
        ]);
        let currency = Currency::parse("EUR").unwrap();
        let text = "0.50 EUR: 1 h 30 min · 1.00 EUR: 1.5 GB · 10.00 EUR: 1 d 30 s or 20.25 MB";
        assert_eq!(sells(&rates.unwrap(), currency), text);
    }
}
