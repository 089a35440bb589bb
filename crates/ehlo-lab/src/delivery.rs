//! How a message that was accepted gets into the mailboxes, and what faults make of that.

use crate::context::Context;
use crate::{Acts, Circumstances, Delivered, Lab, Scope, StoreError};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What is about to be delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The account.
    pub account: &'a str,
    /// Its mailbox.
    pub mailbox: &'a str,
    /// The reverse-path, without brackets.
    pub sender: &'a str,
    /// The message, without the trace fields of this server.
    pub message: &'a [u8],
}

/// What a fault makes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryAction {
    /// Nothing.
    Pass,
    /// It is not delivered, though the client is told so.
    Lose,
    /// It is delivered once more.
    Double,
    /// Another message is delivered.
    Replace(Vec<u8>),
    /// It goes into this mailbox.
    File(String),
    /// It comes after this time.
    Late(Duration),
    /// It goes to this account; if there is none, it is lost.
    Misdeliver(String),
    /// It cannot be stored, and the client is told.
    Refuse,
}

/// Delivers a message into the inbox of `account`.
///
/// # Errors
/// Why it could not be kept: the client must be told, and nothing is there.
pub(crate) fn deliver(cx: &Context<'_>, account: &str, mail: &Delivered) -> Result<(), StoreError> {
    deliver_into(cx, account, "INBOX", mail)
}

/// Delivers a message into a mailbox of `account`.
///
/// # Errors
/// Why it could not be kept: the client must be told, and nothing is there.
pub(crate) fn deliver_into(
    cx: &Context<'_>,
    account: &str,
    mailbox: &str,
    mail: &Delivered,
) -> Result<(), StoreError> {
    let standing = cx.memory.standing();
    let mut faults = standing.faults(cx.service).filter(|f| f.fault.meta().acts == Acts::Delivery).peekable();
    if faults.peek().is_none() {
        return cx.lab.store().deliver_into(account, mailbox, mail);
    }
    let own = [format!("{account}@{}", cx.lab.host_name())];
    let recipients = if mail.to.is_empty() { &own[..] } else { &mail.to[..] }.to_vec();
    let sender = mail.from.clone();
    let fits = |scope: &Scope| {
        recipients.iter().any(|recipient| {
            scope.fits(&Circumstances {
                tls: cx.tls.is_some(),
                account: cx.memory.account.as_deref(),
                sender: Some(&sender),
                recipient: Some(recipient),
                command: ".",
                connection: cx.memory.number,
            })
        })
    };
    let mut plan = Plan { account: account.into(), mailbox: mailbox.into(), copies: 1, wait: None };
    let mut mail = Cow::Borrowed(mail);
    for installed in faults.filter(|f| fits(&f.fault.scope)) {
        let delivery = Delivery {
            account: &plan.account,
            mailbox: &plan.mailbox,
            sender: &mail.from,
            message: &mail.message,
        };
        let action = installed.fault.deliver(&delivery);
        let chosen = |count| installed.fault.scope.strikes(count, cx.lab.seed() ^ installed.id);
        if action == DeliveryAction::Pass || !chosen(&installed.count) {
            continue;
        }
        match action {
            DeliveryAction::Pass => {}
            DeliveryAction::Lose => return Ok(()),
            DeliveryAction::Refuse => return Err(StoreError::Full),
            DeliveryAction::Double => plan.copies += 1,
            DeliveryAction::Replace(message) => mail.to_mut().message = message,
            DeliveryAction::File(mailbox) => plan.mailbox = mailbox,
            DeliveryAction::Late(time) => {
                plan.wait = Some(plan.wait.unwrap_or_default().saturating_add(time))
            }
            DeliveryAction::Misdeliver(account) => plan.account = account,
        }
    }
    match plan.wait {
        Some(wait) => {
            // Time is in whole seconds here: rather too late than too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            let mut mail = mail.into_owned();
            let due = cx.now.saturating_add(seconds);
            mail.at = due;
            let late = Box::new(LateMail { due, plan, mail });
            match cx.lab.late().add(late) {
                Ok(()) => Ok(()),
                Err(late) => late.plan.carry_out(cx.lab, &late.mail),
            }
        }
        None => plan.carry_out(cx.lab, &mail),
    }
}

/// Where a message goes.
#[derive(Debug)]
struct Plan {
    account: String,
    mailbox: String,
    copies: usize,
    wait: Option<Duration>,
}

impl Plan {
    fn carry_out(&self, lab: &Lab, mail: &Delivered) -> Result<(), StoreError> {
        match lab.store().deliver_into(&self.account, &self.mailbox, mail) {
            Ok(()) => {}
            // The one who was meant is there; that the fault names a stranger is no matter of the client.
            Err(StoreError::NoAccount) => return Ok(()),
            Err(error) => return Err(error),
        }
        for _ in 1..self.copies {
            // One is there: that is what the client was promised.
            let _ = lab.store().deliver_into(&self.account, &self.mailbox, mail);
        }
        Ok(())
    }
}

/// The most messages, and bytes of them, that are on their way; what is more is delivered at once.
const MOST_LATE: usize = 1000;
const MOST_LATE_BYTES: usize = 256 * 1024 * 1024;

/// Mail that comes late.
#[derive(Debug, Default)]
pub(crate) struct Late {
    waiting: Mutex<Vec<LateMail>>,
    /// So that nobody takes the lock for nothing.
    count: AtomicUsize,
}

#[derive(Debug)]
struct LateMail {
    /// Seconds since 1970.
    due: i64,
    plan: Plan,
    mail: Delivered,
}

impl Late {
    fn add(&self, late: Box<LateMail>) -> Result<(), Box<LateMail>> {
        let mut waiting = self.lock();
        let bytes: usize = waiting.iter().map(|l| l.mail.message.len()).sum();
        if waiting.len() >= MOST_LATE || bytes + late.mail.message.len() > MOST_LATE_BYTES {
            return Err(late);
        }
        waiting.push(*late);
        self.count.store(waiting.len(), Ordering::Relaxed);
        Ok(())
    }

    /// When the next message is due, in seconds since 1970.
    pub(crate) fn next(&self) -> Option<i64> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.lock().iter().map(|l| l.due).min()
    }

    /// Delivers what is due at `now` (seconds since 1970).
    pub(crate) fn release(&self, lab: &Lab, now: i64) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let due: Vec<LateMail> = {
            let mut waiting = self.lock();
            let (due, rest) = std::mem::take(&mut *waiting).into_iter().partition(|l| l.due <= now);
            *waiting = rest;
            self.count.store(waiting.len(), Ordering::Relaxed);
            due
        };
        for late in due {
            // The client was told long ago that all is well; a store that is full now is what he does not see.
            let _ = late.plan.carry_out(lab, &late.mail);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<LateMail>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
