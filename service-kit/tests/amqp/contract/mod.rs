//! The contract of both transports, written once and run over each: in process, and over the broker.

mod cases;
mod transports;

use transports::{InProcess, OverAmqp};

macro_rules! over_both {
    ($($case:ident)*) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::cases::$case(&super::InProcess::new()).await;
            })*
        }
        mod over_amqp {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::cases::$case(&super::OverAmqp::new().await).await;
            })*
        }
    };
}

over_both! {
    done_and_skipped_are_counted_apart
    a_failing_message_is_tried_again_after_each_delay_until_it_is_a_dead_letter
    a_rejected_message_is_a_dead_letter_at_once
    a_panic_costs_only_the_message_that_causes_it
    a_time_out_costs_only_the_message_that_causes_it
    a_handler_that_miscounts_has_crashed
    outcomes_of_a_batch_belong_to_their_messages
    what_is_no_event_is_a_dead_letter_with_its_reason
    an_outage_pauses_the_queue_and_spends_no_attempts
    a_message_reaches_the_queues_that_are_bound_to_its_key
    a_named_queue_is_reached_by_its_name_alone
    an_expired_message_reaches_nobody
    no_more_handlers_run_at_once_than_allowed_and_no_fewer
    a_retry_on_one_queue_does_not_disturb_another
    a_drain_lets_handlers_finish_and_takes_no_more
    a_queue_has_one_consumer_and_sensible_settings
}
