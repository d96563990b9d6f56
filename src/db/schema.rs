//! The tables of both engines. Generated from PostgreSQL's catalogue: `BLESS=1 ./test schema_rs`.

diesel::table! {
    use crate::types::sql::*;

    assignments (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
        assigned_by -> Uuid,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    audit_events (organization_id, sequence) {
        organization_id -> Uuid,
        sequence -> Int8,
        at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        actor_role -> Nullable<Text>,
        session_id -> Nullable<Uuid>,
        source -> Text,
        action -> Text,
        subject_id -> Nullable<Uuid>,
        outcome -> Text,
        fields -> Jsonb,
        subjects -> Jsonb,
        request_id -> Uuid,
        hash -> Bytea,
    }
}

diesel::table! {
    use crate::types::sql::*;

    audit_heads (organization_id) {
        organization_id -> Uuid,
        sequence -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    use crate::types::sql::*;

    barriers (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        type_text -> Nullable<Text>,
        bases -> Jsonb,
        basis_text -> Nullable<Text>,
        service_type -> Nullable<Jsonb>,
        provider_id -> Nullable<Uuid>,
        service_id -> Nullable<Uuid>,
        occurred_on -> Nullable<Date>,
        ongoing -> Bool,
        description -> Text,
        severity -> Text,
        verification -> Text,
        status -> Text,
        disposition -> Nullable<Text>,
        judged_by -> Nullable<Text>,
        opened_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        version -> Int4,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_counters (organization_id, year) {
        organization_id -> Uuid,
        year -> Int4,
        last -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_episodes (organization_id, case_id, episode) {
        organization_id -> Uuid,
        case_id -> Uuid,
        episode -> Int4,
        opened_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        closing_reason -> Nullable<Text>,
        closing_summary -> Nullable<Text>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_transitions (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        from_status -> Nullable<Text>,
        to_status -> Text,
        reason -> Nullable<Text>,
        given -> Jsonb,
        actor_id -> Uuid,
        at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    cases (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_number -> Text,
        client_id -> Uuid,
        team_id -> Uuid,
        lead_advocate_id -> Nullable<Uuid>,
        advocacy_type -> Text,
        instruction -> Text,
        non_instructed_basis -> Nullable<Text>,
        non_instructed_reason -> Nullable<Text>,
        intake_source -> Text,
        intake_source_text -> Nullable<Text>,
        status -> Text,
        priority -> Text,
        priority_reason -> Nullable<Text>,
        client_goal -> Text,
        tags -> Jsonb,
        opened_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        closing_reason -> Nullable<Text>,
        closing_summary -> Nullable<Text>,
        outcome -> Nullable<Text>,
        review_on -> Nullable<Date>,
        first_contact_at -> Nullable<Timestamptz>,
        last_contact_at -> Nullable<Timestamptz>,
        undisposed_barriers -> Int4,
        open_deadlines -> Int4,
        next_deadline_on -> Nullable<Date>,
        episode -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    clients (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        team_id -> Uuid,
        preferred_name -> Text,
        legal_name -> Nullable<Text>,
        pronouns -> Nullable<Text>,
        date_of_birth -> Nullable<Date>,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        address -> Nullable<Text>,
        language -> Nullable<Text>,
        interpreter_needed -> Bool,
        safe_contact -> Jsonb,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    commitments (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        meeting_id -> Uuid,
        party -> Text,
        text -> Text,
        due_on -> Nullable<Date>,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    idempotency_keys (organization_id, user_id, route, key) {
        organization_id -> Uuid,
        user_id -> Uuid,
        route -> Text,
        key -> Text,
        request_hash -> Bytea,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    login_names (email) {
        email -> Text,
        organization_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    use crate::types::sql::*;

    meetings (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        type_text -> Nullable<Text>,
        mode -> Text,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        time_zone -> Text,
        provider_id -> Nullable<Uuid>,
        place -> Nullable<Text>,
        participants -> Jsonb,
        purpose -> Text,
        status -> Text,
        cancelled_by -> Nullable<Text>,
        rescheduled_to -> Nullable<Uuid>,
        who_spoke -> Nullable<Text>,
        outcomes -> Jsonb,
        summary -> Nullable<Text>,
        views_recorded_by_provider -> Nullable<Text>,
        ratings_before -> Nullable<Jsonb>,
        ratings_after -> Nullable<Jsonb>,
        mandatory_items -> Int4,
        mandatory_done -> Int4,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    note_amendments (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        note_id -> Uuid,
        body -> Text,
        author_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    notes (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        kind -> Text,
        body -> Text,
        occurred_at -> Timestamptz,
        direction -> Nullable<Text>,
        mode -> Nullable<Text>,
        successful -> Nullable<Bool>,
        minutes -> Nullable<Int4>,
        author_id -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    organizations (id) {
        id -> Uuid,
        name -> Text,
        client_word -> Text,
        time_zone -> Text,
        suppression_threshold -> Int4,
        second_person_closes -> Bool,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    preparation_items (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        meeting_id -> Uuid,
        position -> Int4,
        category -> Text,
        text -> Text,
        answer -> Nullable<Text>,
        mandatory -> Bool,
        owner -> Text,
        done_at -> Nullable<Timestamptz>,
        done_by -> Nullable<Uuid>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    preparation_templates (organization_id, meeting_type) {
        organization_id -> Uuid,
        meeting_type -> Text,
        items -> Jsonb,
        version -> Int4,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    providers (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        name -> Text,
        alternate_name -> Nullable<Text>,
        description -> Nullable<Text>,
        url -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        address -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    refresh_tokens (organization_id, hash) {
        organization_id -> Uuid,
        hash -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        spent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    search_documents (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        number -> Int8,
        kind -> Text,
        team_id -> Uuid,
        case_id -> Nullable<Uuid>,
        note_kind -> Nullable<Text>,
        author_id -> Nullable<Uuid>,
        shelf -> Nullable<Int8>,
        title -> Text,
        body -> Text,
        words -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    search_shelves (organization_id, id) {
        organization_id -> Uuid,
        id -> Int8,
        team_id -> Uuid,
        kind -> Text,
        documents -> Int4,
        newest -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    services (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        provider_id -> Uuid,
        name -> Text,
        status -> Text,
        description -> Nullable<Text>,
        url -> Nullable<Text>,
        service_type -> Nullable<Jsonb>,
        eligibility_description -> Nullable<Text>,
        application_process -> Nullable<Text>,
        fees_description -> Nullable<Text>,
        wait_time -> Nullable<Text>,
        accessibility -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    sessions (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    tasks (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        meeting_id -> Nullable<Uuid>,
        title -> Text,
        description -> Nullable<Text>,
        due_on -> Date,
        assignee_id -> Nullable<Uuid>,
        status -> Text,
        done_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    team_members (organization_id, team_id, user_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        user_id -> Uuid,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    teams (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        name -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    timeline_entries (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        at -> Timestamptz,
        event -> Text,
        subject_id -> Uuid,
        actor_id -> Uuid,
        detail -> Nullable<Text>,
        note_kind -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    users (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        email -> Text,
        display_name -> Text,
        role -> Text,
        status -> Text,
        password_hash -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    assignments,
    audit_events,
    audit_heads,
    barriers,
    case_counters,
    case_episodes,
    case_transitions,
    cases,
    clients,
    commitments,
    idempotency_keys,
    login_names,
    meetings,
    note_amendments,
    notes,
    organizations,
    preparation_items,
    preparation_templates,
    providers,
    refresh_tokens,
    search_documents,
    search_shelves,
    services,
    sessions,
    tasks,
    team_members,
    teams,
    timeline_entries,
    users,
);
