//! Tables of what the ledger allows, refuses and tells.

use super::*;

const NOON: Timestamp = Timestamp(DAY_MS * 20_000 + DAY_MS / 2);

fn payer(place: i64, user: i64) -> Payer {
    Payer { place: PlaceId(place), user: UserId(user) }
}

fn dollars(day: Option<u64>, place: Option<u64>, user: Option<u64>) -> Budgets {
    let micros = |dollars: Option<u64>| dollars.map(|dollars| Micros(dollars * 1_000_000));
    Budgets { day: micros(day), place: micros(place), user: micros(user) }
}

const DOLLAR: Micros = Micros(1_000_000);

fn spend(accounts: &mut Accounts, payer: Option<Payer>, cost: Micros) -> Result<(), Limit> {
    let reservation = accounts.reserve(payer, cost, 10, NOON)?;
    accounts.settle(reservation, cost, 10, NOON);
    Ok(())
}

#[test]
fn each_budget_refuses_what_is_too_much() {
    let table = [
        (dollars(None, None, None), 100, None),
        (dollars(Some(3), None, None), 3, Some(BudgetScope::Day)),
        (dollars(Some(9), Some(2), None), 2, Some(BudgetScope::Place)),
        (dollars(Some(9), Some(5), Some(1)), 1, Some(BudgetScope::User)),
        (dollars(None, None, Some(0)), 0, Some(BudgetScope::User)),
        (dollars(Some(0), None, None), 0, Some(BudgetScope::Day)),
    ];
    for (budgets, allowed, refused_by) in table {
        let mut accounts = Accounts::new(budgets, None, NOON);
        for number in 0..allowed {
            assert_eq!(spend(&mut accounts, Some(payer(1, 1)), DOLLAR), Ok(()), "{budgets:?} call {number}");
        }
        let refused = spend(&mut accounts, Some(payer(1, 1)), DOLLAR).err();
        assert_eq!(refused, refused_by.map(Limit::Budget), "{budgets:?}");
    }
}

#[test]
fn one_payer_s_budget_is_not_another_s() {
    let mut accounts = Accounts::new(dollars(None, Some(2), Some(1)), None, NOON);
    assert_eq!(spend(&mut accounts, Some(payer(1, 1)), DOLLAR), Ok(()));
    assert_eq!(spend(&mut accounts, Some(payer(1, 1)), DOLLAR), Err(Limit::Budget(BudgetScope::User)));
    assert_eq!(spend(&mut accounts, Some(payer(1, 2)), DOLLAR), Ok(()));
    assert_eq!(spend(&mut accounts, Some(payer(1, 3)), DOLLAR), Err(Limit::Budget(BudgetScope::Place)));
    assert_eq!(spend(&mut accounts, Some(payer(2, 3)), DOLLAR), Ok(()));
    assert_eq!(accounts.spent(), Micros(3_000_000));
    assert_eq!(accounts.top_places(1), [(PlaceId(1), Micros(2_000_000))]);
    assert_eq!(accounts.top_users(9).len(), 3);
}

#[test]
fn what_is_set_aside_counts_until_it_is_settled() {
    let mut accounts = Accounts::new(dollars(Some(2), None, None), None, NOON);
    let first = accounts.reserve(Some(payer(1, 1)), DOLLAR, 0, NOON).expect("the first fits");
    let second = accounts.reserve(None, DOLLAR, 0, NOON).expect("the second fits");
    assert_eq!(accounts.reserve(None, Micros(1), 0, NOON), Err(Limit::Budget(BudgetScope::Day)));
    accounts.settle(first, Micros(10), 0, NOON);
    accounts.settle(second, Micros(0), 0, NOON);
    assert_eq!((accounts.spent(), accounts.set_aside()), (Micros(10), Micros(0)));
    assert!(accounts.reserve(None, DOLLAR, 0, NOON).is_ok());
}

#[test]
fn a_spent_or_zero_budget_refuses_even_what_is_free() {
    let mut accounts = Accounts::new(dollars(Some(0), None, None), None, NOON);
    assert_eq!(accounts.look(Some(payer(1, 1)), NOON), Err(Limit::Budget(BudgetScope::Day)));
    assert_eq!(accounts.reserve(Some(payer(1, 1)), Micros(0), 0, NOON), Err(Limit::Budget(BudgetScope::Day)));
    assert_eq!(accounts.take_crossings(), [], "a budget of zero is a switch");
}

#[test]
fn tokens_of_a_day_are_limited() {
    let mut accounts = Accounts::new(Budgets::default(), Some(25), NOON);
    assert_eq!(spend(&mut accounts, None, DOLLAR), Ok(()));
    assert_eq!(spend(&mut accounts, None, DOLLAR), Ok(()));
    assert_eq!(spend(&mut accounts, None, DOLLAR), Err(Limit::DayTokens));
    assert_eq!(accounts.look(None, NOON), Ok(()));
    let tomorrow = Timestamp(NOON.0 + DAY_MS);
    assert!(accounts.reserve(None, DOLLAR, 10, tomorrow).is_ok());
}

#[test]
fn a_new_day_begins_empty_and_keeps_what_is_set_aside() {
    let mut accounts = Accounts::new(dollars(Some(2), None, None), None, NOON);
    assert_eq!(spend(&mut accounts, Some(payer(1, 1)), DOLLAR), Ok(()));
    let late = accounts.reserve(Some(payer(1, 1)), DOLLAR, 5, NOON).expect("it fits");
    let tomorrow = Timestamp(NOON.0 + DAY_MS);
    accounts.roll(tomorrow);
    assert_eq!((accounts.spent(), accounts.set_aside()), (Micros(0), DOLLAR));
    accounts.settle(late, DOLLAR, 5, tomorrow);
    assert_eq!((accounts.spent(), accounts.tokens()), (DOLLAR, 5), "it ended today");
    accounts.roll(NOON);
    assert_eq!(accounts.spent(), DOLLAR, "a clock that goes back brings no day back");
    accounts.roll(Timestamp(NOON.0 + 2 * DAY_MS));
    assert!(accounts.sums_of.is_empty() && accounts.told.is_empty(), "yesterday is forgotten");
}

#[test]
fn crossings_are_told_once_a_day() {
    let mut accounts = Accounts::new(dollars(None, None, Some(10)), None, NOON);
    let mut told = Vec::new();
    for number in 0..12 {
        assert_eq!(spend(&mut accounts, Some(payer(1, 7)), DOLLAR).is_err(), number >= 10);
        told.extend(accounts.take_crossings());
    }
    let limit = Micros(10_000_000);
    let account = BudgetAccount::User(UserId(7));
    let crossing = |percent, spent| Crossing { account, percent, spent: Micros(spent), limit };
    assert_eq!(told, [crossing(80, 8_000_000), crossing(100, 10_000_000)]);

    let tomorrow = Timestamp(NOON.0 + DAY_MS);
    let all = accounts.reserve(Some(payer(1, 7)), limit, 0, tomorrow).expect("a new day");
    accounts.settle(all, limit, 0, tomorrow);
    assert_eq!(accounts.take_crossings(), [crossing(100, 10_000_000)], "not 80 too");
}

#[test]
fn a_refusal_counts_as_all_of_it() {
    let mut accounts = Accounts::new(dollars(Some(10), None, None), None, NOON);
    assert_eq!(spend(&mut accounts, None, Micros(7_000_000)), Ok(()));
    assert!(spend(&mut accounts, None, Micros(4_000_000)).is_err());
    let told = accounts.take_crossings();
    assert_eq!((told.len(), told[0].percent, told[0].spent), (1, 100, Micros(7_000_000)));
    assert_eq!(spend(&mut accounts, None, DOLLAR), Ok(()));
    assert_eq!(accounts.take_crossings(), [], "80 % is no news after 100");
}

#[test]
fn what_was_spent_before_counts_and_is_not_told_again() {
    let mut accounts = Accounts::new(dollars(Some(10), Some(10), None), Some(100), NOON);
    accounts.load(&[
        Spent { payer: Some(payer(1, 1)), cost: Micros(8_000_000), tokens: 40 },
        Spent { payer: None, cost: Micros(500_000), tokens: 50 },
    ]);
    assert_eq!((accounts.spent(), accounts.tokens()), (Micros(8_500_000), 90));
    assert_eq!(accounts.take_crossings(), []);
    assert_eq!(spend(&mut accounts, Some(payer(1, 1)), DOLLAR), Ok(()));
    assert_eq!(accounts.take_crossings(), [], "80 % was told before");
}

#[test]
fn a_changed_budget_is_told_about_anew() {
    let mut accounts = Accounts::new(dollars(Some(1), None, None), None, NOON);
    assert_eq!(spend(&mut accounts, None, DOLLAR), Ok(()));
    assert_eq!(accounts.take_crossings().len(), 1);
    accounts.set_budgets(dollars(Some(2), None, None));
    assert_eq!(spend(&mut accounts, None, DOLLAR), Ok(()));
    assert_eq!(accounts.take_crossings().len(), 1);
    accounts.set_budgets(Budgets::default());
    assert_eq!(spend(&mut accounts, None, DOLLAR), Ok(()));
}
