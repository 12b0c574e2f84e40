//! The way of a request: who asks, how often, is it as the description says, and then what it wants.

use super::desk::{Call, Desk, bot_json};
use super::form::Form;
use super::rates::Verdict;
use super::refused::{Blame, Refused};
use super::route::Route;
use super::world::{World, merge};
use super::{callback, commands, connection, followups, guilds, messages, threads};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::sync::Arc;

/// An answer that is no refusal.
#[derive(Debug)]
pub(super) enum Reply {
    Json(Value),
    Created(Value),
    Empty,
}

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/", get(connection::upgrade))
        .route("/attachments/{room}/{id}/{name}", get(attachment))
        .fallback(rest)
        .with_state(desk)
}

async fn rest(State(desk): State<Arc<Desk>>, request: Request<Body>) -> Response {
    let mut form = Form::of_head(request.method(), request.uri(), request.headers());
    let is_api = request.uri().path().starts_with("/api/v10/");
    let Some(route) = Some(form.path.as_str()).filter(|_| is_api).and_then(Route::read) else {
        return finish(&desk, &form, Err(Refused::no_route()));
    };
    let named = route.named(&form.method);
    form.route.clone_from(&named);
    desk.wait().await;
    let verdict = desk.rates().take(desk.now_ms(), &named, &route.major(), route.is_of_interaction());
    let headers = match verdict {
        Verdict::Passes(headers) => headers,
        Verdict::Limited(headers, body) => {
            remember(&desk, &form, 429, None);
            return (StatusCode::TOO_MANY_REQUESTS, headers, json_body(body.to_string())).into_response();
        }
        Verdict::Refused(refused) => return finish(&desk, &form, Err(refused)),
        Verdict::Fails(status) => {
            remember(&desk, &form, status, None);
            let status = StatusCode::from_u16(status).expect("a status that a test chose");
            return (status, "upstream connect error").into_response();
        }
    };
    let outcome = match admit(&desk, &form, &route) {
        Err(refused) => Err(refused),
        Ok(()) => form.read(request).await,
    };
    let outcome = outcome.and_then(|()| {
        if let Some(complaint) = desk.spec.as_ref().and_then(|spec| spec.complaint(&named, &form.json)) {
            desk.complain(complaint);
        }
        if form.json.to_string().contains(&desk.token) {
            desk.complain(format!("{named}: the bot's token stands in the body"));
        }
        perform(&desk, &form, &route)
    });
    desk.changed();
    (headers, finish(&desk, &form, outcome)).into_response()
}

/// Whether the caller is the bot, and says so as a bot must.
fn admit(desk: &Desk, form: &Form, route: &Route) -> Result<(), Refused> {
    let named = |name| form.headers.get(name).and_then(|value| value.to_str().ok());
    let agent = named(header::USER_AGENT).unwrap_or_default();
    if !agent.starts_with("DiscordBot (") {
        desk.complain(format!("{} {}: the user agent is {agent:?}", form.method, form.path));
    }
    let token = named(header::AUTHORIZATION);
    let open = matches!(route, Route::Gateway) || route.is_of_interaction();
    if token.is_some_and(|token| token == format!("Bot {}", desk.token)) || (open && token.is_none()) {
        Ok(())
    } else {
        Err(Refused::unauthorized())
    }
}

fn perform(desk: &Desk, form: &Form, route: &Route) -> Result<Reply, Refused> {
    let only = |method: &Method| if form.method == *method { Ok(()) } else { Err(Refused::no_route()) };
    let gateway = desk.base.replacen("http", "ws", 1);
    match route {
        Route::Gateway => only(&Method::GET).map(|()| Reply::Json(json!({"url": gateway}))),
        Route::GatewayBot => only(&Method::GET).map(|()| {
            let starts = json!({"total": 1_000, "remaining": 1_000, "reset_after": 0, "max_concurrency": 1});
            Reply::Json(json!({"url": gateway, "shards": 1, "session_start_limit": starts}))
        }),
        Route::Application => only(&Method::GET).map(|()| Reply::Json(application(&desk.world()))),
        Route::Me => only(&Method::GET).map(|()| Reply::Json(bot_json())),
        Route::MyGuilds => {
            only(&Method::GET)?;
            guilds::mine(desk, form)
        }
        Route::Commands { guild } => registered(desk, form, *guild),
        Route::Callback { interaction, token } => {
            only(&Method::POST)?;
            callback::answer(desk, form, *interaction, token)
        }
        Route::Followup { token } => {
            only(&Method::POST)?;
            followups::add(desk, form, token)
        }
        Route::FollowupMessage { token, which } => followups::message(desk, form, token, *which),
        Route::OpenDm => {
            only(&Method::POST)?;
            messages::open_dm(desk, form)
        }
        Route::Channel { channel } => threads::channel(desk, form, *channel),
        Route::Messages { channel } => messages::several(desk, form, *channel),
        Route::Message { channel, message } => messages::one(desk, form, *channel, *message),
        Route::ThreadOfMessage { channel, message } => {
            only(&Method::POST)?;
            threads::open(desk, form, *channel, Some(*message))
        }
        Route::Threads { channel } => {
            only(&Method::POST)?;
            threads::open(desk, form, *channel, None)
        }
        Route::ThreadMember { channel, user } => threads::add_member(desk, form, *channel, *user),
        Route::Typing { channel } => {
            only(&Method::POST)?;
            messages::visible(&desk.world(), *channel).map(|_| Reply::Empty)
        }
        Route::Guild { guild } => guilds::one(desk, form, *guild),
    }
}

fn registered(desk: &Desk, form: &Form, guild: Option<u64>) -> Result<Reply, Refused> {
    let now_ms = desk.now_ms();
    let mut world = desk.world();
    if let Some(guild) = guild
        && !world.guilds.get(&guild).is_some_and(|guild| guild.has_bot)
    {
        return Err(Refused::missing_access());
    }
    let kept = match form.method {
        Method::PUT => commands::replace(&mut world, now_ms, guild, &form.json)?,
        Method::GET => match guild {
            None => world.commands.clone(),
            Some(guild) => world.guild_commands.get(&guild).cloned().unwrap_or_default(),
        },
        _ => return Err(Refused::no_route()),
    };
    Ok(Reply::Json(kept.into()))
}

fn application(world: &World) -> Value {
    let mut said = json!({
        "id": super::APPLICATION.to_string(), "name": "Guildhall", "icon": null, "description": "", "summary": "",
        "bot_public": true, "bot_require_code_grant": false, "verify_key": "00", "team": null, "flags": 0,
        "owner": {
            "id": "1", "username": "owner", "discriminator": "0", "global_name": null, "avatar": null,
            "public_flags": 0, "flags": 0, "primary_guild": null,
        },
        "rpc_origins": [], "integration_types_config": {"0": {}, "1": {}}, "type": null, "flags_new": "0",
        "redirect_uris": [], "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "approximate_guild_count": 1, "approximate_user_install_count": 1,
        "approximate_user_authorization_count": 1, "explicit_content_filter": 0, "eligible_oauth2_scopes": [],
    });
    merge(&mut said, Value::Object(world.application.clone()));
    said
}

fn finish(desk: &Desk, form: &Form, outcome: Result<Reply, Refused>) -> Response {
    let dialect = desk.dialect();
    let say = |status: StatusCode, said: Value| {
        remember(desk, form, status.as_u16(), None);
        let spec = desk.spec.as_ref();
        let wrong = spec.and_then(|spec| spec.complaint_about_answer(&form.route, status.as_u16(), &said));
        if let Some(complaint) = wrong {
            desk.complain(complaint);
        }
        (status, json_body(dialect.speak(said).to_string())).into_response()
    };
    match outcome {
        Ok(Reply::Json(said)) => say(StatusCode::OK, said),
        Ok(Reply::Created(said)) => say(StatusCode::CREATED, said),
        Ok(Reply::Empty) => {
            remember(desk, form, 204, None);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => {
            if refused.blame == Blame::Bot {
                let Refused { status, code, message, .. } = &refused;
                desk.complain(format!("{} /{}: {status} {code} {message}", form.method, form.path));
            }
            remember(desk, form, refused.status, Some(refused.code));
            refused.answer()
        }
    }
}

fn remember(desk: &Desk, form: &Form, status: u16, code: Option<u32>) {
    desk.remember(Call {
        method: form.method.to_string(),
        path: format!("/{}", form.path),
        route: form.route.clone(),
        body: form.json.clone(),
        files: form.files.iter().map(|file| file.name.clone()).collect(),
        status,
        code,
        at_ms: desk.now_ms(),
    });
}

fn json_body(text: String) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], text)
}

/// A file from the content network: for whoever has its address, until that expires.
async fn attachment(
    State(desk): State<Arc<Desk>>,
    Path((room, id, name)): Path<(u64, u64, String)>,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        desk.complain("the bot showed a token to the content network".to_owned());
    }
    let world = desk.world();
    if let Some(refused) = world.network.refuses {
        let status = StatusCode::from_u16(refused).expect("a status that a test chose");
        return (status, "This content is no longer available.").into_response();
    }
    let file = world.files.get(&id).filter(|file| file.room == room && file.name == name);
    match file {
        None => (StatusCode::NOT_FOUND, "This content is no longer available.").into_response(),
        Some(file) if file.expires_ms <= desk.now_ms() => {
            (StatusCode::NOT_FOUND, "This content is no longer available.").into_response()
        }
        Some(file) => {
            ([(header::CONTENT_TYPE, file.content_type.clone())], file.bytes.clone()).into_response()
        }
    }
}
