use super::{Purchase, Rates};
use crate::domain::{Amount, Currency, Part, Phrase, Text};

/// What was bought, in English: `1 h 30 min`, `500 MB`.
pub fn in_words(purchase: &Purchase) -> String {
    amount(purchase).english()
}

/// What was bought.
pub const fn amount(purchase: &Purchase) -> Amount {
    Amount { time_ms: purchase.time_ms, data_bytes: purchase.data_bytes }
}

/// A price list on one line.
pub fn sells(rates: &Rates, currency: Currency) -> Text {
    let row = |rate: &super::Rate| {
        let amount = Amount { time_ms: rate.time_ms(), data_bytes: rate.data_bytes() };
        (currency.show(rate.price()), amount)
    };
    let prices = rates.rows().iter().map(row).collect();
    Text::ours_with(Phrase::CoinPrices, vec![("prices", Part::Prices(prices))])
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
        assert_eq!(sells(&rates.unwrap(), currency).as_str(), text);
    }
}
