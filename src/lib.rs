//! Alongside: advocacy case management for peer-support organizations in addiction recovery.
//!
//! An overview of the modules. `ARCHITECTURE.md` gives the reasons for this structure.
//!
//! | module | contents |
//! |---|---|
//! | [`app`] | all features, mounted once; the server |
//! | [`types`], [`error`] | validated value types; the error type |
//! | [`http`], [`auth`] | the parts that all handlers share; authentication and permissions |
//! | [`db`], [`audit`] | the only access to SQL; the audit log |
//! | [`records`] | the base of all features: who sees which record; timeline, search index and exports |
//! | [`identity`], [`directory`], [`casework`], [`portal`] | features, each a folder with `mod`, `api`, `model`, `store` |
//! | [`overview`] | readers over all features, with the same structure |
//! | [`clock`] | checks of the machine's clock |
//! | [`print`] | printable documents as a web page and as a PDF |
//! | [`privacy`] | the notices that privacy law requires, as versioned data |
//! | [`operations`], [`openapi`] | health checks and public keys; the OpenAPI document |
//! | [`telemetry`], [`config`] | logs; settings |
//! | [`mail`] | outgoing mail |
//! | [`housekeeping`] | the background tasks of a running server |
//! | [`supervise`], [`shutdown`], [`lock`] | restarted threads; the end of the server; locks between processes |
//! | [`admin`], [`demo`] | the commands of the command line |

#[macro_use]
pub mod types;
pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod casework;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod directory;
pub mod error;
pub mod housekeeping;
pub mod http;
pub mod identity;
pub mod lock;
pub mod mail;
pub mod openapi;
pub mod operations;
pub mod overview;
pub mod portal;
pub mod print;
pub mod privacy;
#[macro_use]
pub mod records;
pub mod shutdown;
pub mod supervise;
pub mod telemetry;
pub mod tls;
