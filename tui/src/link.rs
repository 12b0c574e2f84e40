//! `link` and `unlink`

use crate::fault::Fault;
use crate::session::{Session, clock};
use crate::user;
use guildhall_protocol::account::{Identity, LinkCode, LinkOffer};
use guildhall_protocol::clean::clean_line;
use guildhall_protocol::ids::RequestId;

/// Gets a code, tells what one would do, or does it.
pub(crate) async fn link(session: &Session, code: Option<String>, yes: bool) -> Result<(), Fault> {
    let Some(code) = code else {
        let code = session.call(|service, context| async move { service.make_link_code(context).await });
        return session.answer(&code.await?, tell_code);
    };
    if yes {
        let request = RequestId::fresh();
        let story =
            session.call(|service, context| async move { service.link(context, request, code).await });
        return session
            .answer(&story.await?, |story| format!("This is your account now:\n{}", user::tell(story)));
    }
    let asked = code.clone();
    let offer = session.call(|service, context| async move { service.link_offer(context, asked).await });
    session.answer(&offer.await?, |offer| tell_offer(offer, &clean_line(&code)))
}

/// Removes an identity.
pub(crate) async fn unlink(session: &Session, identity: Identity) -> Result<(), Fault> {
    let request = RequestId::fresh();
    let story =
        session.call(|service, context| async move { service.unlink(context, request, identity).await });
    session.answer(&story.await?, user::tell)
}

fn tell_code(code: &LinkCode) -> String {
    let LinkCode { code, expires_at } = code;
    format!(
        "{code}\n\nEnter it until {} where you are known as somebody else, with `guildhall link {code}` there: that account\n\
        becomes part of this one. Give it to nobody: whoever enters it is you from then on.\n",
        clock(*expires_at)
    )
}

fn tell_offer(offer: &LinkOffer, code: &str) -> String {
    let LinkOffer { kept, known_as, gone, moves } = offer;
    let known: Vec<String> = known_as.iter().map(|identity| clean_line(&identity.to_string())).collect();
    format!(
        "You, {} ({}), would become part of {} ({}, {}; known as {}).\n\
        Open jobs that move: {}; agents: {}. That account's role, limits and settings stay, and yours are forgotten.\n\
        This cannot be undone. `guildhall link {code} --yes` does it.\n",
        clean_line(&gone.name),
        gone.id,
        clean_line(&kept.name),
        kept.id,
        kept.account.role,
        known.join(", "),
        moves.open_jobs,
        moves.agents,
    )
}
