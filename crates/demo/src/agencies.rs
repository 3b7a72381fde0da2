use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use jiff::Timestamp;
use klimalade_model::Result;
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use crate::{
    Error, FaultKind, Script, accounts,
    answer::{Answer, Asked, Content, Twist},
    cdp, dagi, datafordeler, dmi, energidata, energy_agency, files, geoserver, mars, miljoegis, opendata, statbank,
    wire::{Doorway, HangUp},
    world::World,
};

/// Largest request body that is read; StatBank's queries are some kilobytes.
const REQUEST_BYTES: usize = 4 << 20;

/// One request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Original host.
    pub host: String,
    /// `GET`, `POST`.
    pub method: String,
    /// Path without the host, percent-decoded.
    pub path: String,
    /// Query as it came, without `?`. Simulated keys are no secrets; the agencies take any.
    pub query: String,
    /// When it came.
    pub at: Timestamp,
}

/// Simulated agencies on one loopback listener. They run on a thread of their own and stop when this is dropped.
#[derive(Debug)]
pub struct Agencies {
    address: SocketAddr,
    house: Arc<House>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct House {
    world: World,
    energidata: energidata::Counter,
    faults: Mutex<Vec<(crate::ScriptedFault, u32)>>,
    seen: Mutex<Vec<Seen>>,
}

/// Answers one request that was meant for a host.
type Desk = fn(&House, &Asked) -> Answer;

/// The hosts that are simulated, and who answers there.
const DESKS: &[(&str, Desk)] = &[
    (statbank::HOST, |house, asked| statbank::answer(&house.world, asked)),
    (energidata::HOST, |house, asked| {
        energidata::answer(&house.world, &house.energidata, asked)
    }),
    (accounts::HOST, |house, asked| accounts::answer(&house.world, asked)),
    (dmi::HOST, |house, asked| dmi::answer(&house.world, asked)),
    (files::HOST, |house, asked| files::answer(&house.world, asked)),
    (cdp::HOST, |house, asked| cdp::answer(&house.world, asked)),
    (opendata::HOST, |house, asked| opendata::answer(&house.world, asked)),
    (opendata::STORE_HOST, |house, asked| {
        opendata::store_answer(&house.world, asked)
    }),
    (dagi::HOST, |house, asked| dagi::answer(&house.world, asked)),
    (mars::HOST, |house, asked| mars::answer(&house.world, asked)),
    (miljoegis::HOST, |house, asked| miljoegis::answer(&house.world, asked)),
    (geoserver::PLANDATA.host, |house, asked| {
        geoserver::PLANDATA.answer(&house.world, asked)
    }),
    (geoserver::COPENHAGEN.host, |house, asked| {
        geoserver::COPENHAGEN.answer(&house.world, asked)
    }),
    (datafordeler::HOST, |house, asked| {
        datafordeler::answer(&house.world, asked)
    }),
    (energy_agency::HOST, |house, asked| {
        energy_agency::answer(&house.world, energy_agency::HOST, asked)
    }),
    (energy_agency::MINISTRY_HOST, |house, asked| {
        energy_agency::answer(&house.world, energy_agency::MINISTRY_HOST, asked)
    }),
    (energy_agency::GRID_HOST, |house, asked| {
        energy_agency::answer(&house.world, energy_agency::GRID_HOST, asked)
    }),
];

impl Agencies {
    /// Starts them on 127.0.0.1 at a free port; they answer as soon as this returns.
    ///
    /// # Errors
    /// Transient, when no port or thread can be had; Settings, when the code list `areas` has no municipalities.
    pub fn start(script: Script) -> Result<Self> {
        let faults = script.faults.iter().map(|fault| (fault.clone(), 0)).collect();
        let world = World::new(script)?;
        let house = Arc::new(House {
            world,
            energidata: energidata::Counter::default(),
            faults: Mutex::new(faults),
            seen: Mutex::new(Vec::new()),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Listen)?;
        listener.set_nonblocking(true).map_err(Error::Listen)?;
        let address = listener.local_addr().map_err(Error::Listen)?;
        let stop = CancellationToken::new();
        // A runtime of their own: figures are computed while they are sent, and the caller's runtime may have a
        // single thread or a paused clock.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("agencies")
            .enable_all()
            .build()
            .map_err(Error::Listen)?;
        let (served, stopped) = (Arc::clone(&house), stop.clone());
        let thread = std::thread::Builder::new()
            .name("agencies".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        () = serve(listener, served) => {}
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(Error::Listen)?;
        Ok(Self {
            address,
            house,
            stop,
            thread: Some(thread),
        })
    }
    /// Original host to loopback address, as the transport's redirect takes it.
    pub fn hosts(&self) -> BTreeMap<String, SocketAddr> {
        DESKS
            .iter()
            .map(|(host, _)| ((*host).to_owned(), self.address))
            .collect()
    }
    /// The one loopback address behind all hosts.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    /// Every request so far, in order of arrival, faults included.
    pub fn requests(&self) -> Vec<Seen> {
        self.house.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// Requests so far by original host; a host that was never asked is left out.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for seen in self.house.seen.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            *counts.entry(seen.host.clone()).or_default() += 1;
        }
        counts
    }
    /// Requests so far to one host.
    pub fn count(&self, host: &str) -> u64 {
        self.counts().get(host).copied().unwrap_or_default()
    }
}

impl Drop for Agencies {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: std::net::TcpListener, house: Arc<House>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the simulated agencies cannot listen");
            return;
        }
    };
    let app = Router::new()
        .fallback(receive)
        .with_state(house)
        .into_make_service_with_connect_info::<HangUp>();
    if let Err(error) = axum::serve(Doorway(listener), app).await {
        tracing::error!(%error, "the simulated agencies stopped");
    }
}

async fn receive(
    State(house): State<Arc<House>>,
    ConnectInfo(hang_up): ConnectInfo<HangUp>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let raw_path = head.uri.path().trim_start_matches('/');
    let (host, path) = raw_path.split_once('/').unwrap_or((raw_path, ""));
    let host = host.to_ascii_lowercase();
    let path = percent_decode(&format!("/{path}"));
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    house.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
        host: host.clone(),
        method: head.method.to_string(),
        path: path.clone(),
        query: raw_query.clone(),
        at: Timestamp::now(),
    });
    let fault = house.fault(&host, &format!("{path}?{}", percent_decode(&raw_query)));
    let (twist, cut) = match fault {
        None => (Twist::None, false),
        Some(FaultKind::PageShort) => (Twist::PageShort, false),
        Some(FaultKind::EndlessNext) => (Twist::EndlessNext, false),
        Some(FaultKind::Cut) => (Twist::None, true),
        Some(FaultKind::Down) => {
            hang_up.now();
            return Response::new(Body::empty());
        }
        Some(FaultKind::Status(status)) => return Answer::text(status, "simulated fault").into_response(false),
        Some(FaultKind::NotFound) => return Answer::text(404, "simulated fault: not found").into_response(false),
        Some(FaultKind::TooManyRequests { retry_after_secs }) => {
            return energidata::too_many(retry_after_secs).into_response(false);
        }
        Some(FaultKind::Html) => return html().into_response(false),
    };
    let Ok(body) = axum::body::to_bytes(body, REQUEST_BYTES).await else {
        return Answer::text(413, "the request is too large").into_response(false);
    };
    let asked = Asked {
        method: head.method,
        path,
        query: form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
        raw_query,
        headers: head.headers,
        body,
        twist,
    };
    // Figures are computed here: a blocking thread, so that other requests go on.
    let worker = Arc::clone(&house);
    let answer = tokio::task::spawn_blocking(move || worker.answer(&host, &asked)).await;
    let answer = answer.unwrap_or_else(|error| {
        tracing::error!(%error, "a simulated agency broke");
        Answer::text(500, "the simulated agency broke")
    });
    answer.into_response(cut)
}

impl House {
    fn answer(&self, host: &str, asked: &Asked) -> Answer {
        match DESKS.iter().find(|(known, _)| *known == host) {
            Some((_, desk)) => desk(self, asked),
            None => Answer::text(404, format!("no simulated agency: {host}")),
        }
    }
    fn fault(&self, host: &str, address: &str) -> Option<FaultKind> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        for (fault, struck) in faults.iter_mut() {
            let here = fault.host == host
                && fault
                    .path_contains
                    .as_ref()
                    .is_none_or(|part| address.contains(part.as_str()))
                && fault.times.is_none_or(|times| *struck < times);
            if here {
                *struck = struck.saturating_add(1);
                return Some(fault.kind.clone());
            }
        }
        None
    }
}

fn html() -> Answer {
    let page = "<!DOCTYPE html>\r\n<html lang=\"da\"><head><title>Driftsmeddelelse</title></head>\
                <body><h1>Siden er midlertidigt lukket på grund af vedligehold</h1></body></html>\r\n";
    Answer::new(
        200,
        "text/html; charset=utf-8",
        Content::Whole(page.as_bytes().to_vec()),
    )
}

/// A path or query as text; `+` stays `+`, which form decoding would turn into a blank.
fn percent_decode(text: &str) -> String {
    let kept = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(format!("x={kept}").as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect()
}
