//! Signing in, staying in, being put out; users and teams.

use crate::{
    on_both_engines,
    support::{PASSWORD, User, World},
};
use alongside::auth::Role;
use serde_json::{Value, json};

async fn sign_in(w: &World, email: &str, password: &str) -> crate::support::Reply {
    w.anyone("POST", "/api/v1/auth/login", Some(json!({"email": email, "password": password}))).await
}
async fn me(w: &World, token: &Value) -> u16 {
    w.send(token.as_str(), "GET", "/api/v1/me", &[], None).await.status
}

on_both_engines! {
    async fn whoever_knows_the_password_is_let_in(w) {
        let ana = w.user(Role::Advocate);
        let signed_in = sign_in(w, &ana.email.to_uppercase(), PASSWORD).await.expect(200);
        assert_eq!((&signed_in.body["token_type"], &signed_in.body["expires_in"]), (&json!("Bearer"), &json!(600)));
        assert_eq!(signed_in.header("cache-control"), "no-store");
        assert_eq!(me(w, &signed_in.body["access_token"]).await, 200);
        let wrong = sign_in(w, &ana.email, "four wet umbrellas").await.expect(401);
        let unknown = sign_in(w, "nobody@example.org", PASSWORD).await.expect(401);
        assert_eq!(wrong.told(), unknown.told());
        sign_in(w, &ana.email, &"x".repeat(200)).await.faulty(422, "/password", "too_long");
    }

    async fn a_refresh_token_is_spent_once(w) {
        let ana = w.user(Role::Advocate);
        let first = sign_in(w, &ana.email, PASSWORD).await.expect(200).body;
        let refresh = |token: Value| async move { w.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": token}))).await };
        let second = refresh(first["refresh_token"].clone()).await.expect(200).body;
        assert_eq!(me(w, &second["access_token"]).await, 200);
        refresh(first["refresh_token"].clone()).await.expect(401);
        // The copy was used: the whole family is dead.
        assert_eq!(me(w, &second["access_token"]).await, 401);
        refresh(second["refresh_token"].clone()).await.expect(401);
        for nonsense in ["", "x", "x.y", "019ab3c4000070008000000000000001.abc"] {
            refresh(json!(nonsense)).await.expect(401);
        }
    }

    async fn of_many_uses_of_a_refresh_token_one_wins(w) {
        let ana = w.user(Role::Advocate);
        let token = sign_in(w, &ana.email, PASSWORD).await.expect(200).body["refresh_token"].clone();
        let tries = futures_util::future::join_all((0..64).map(|_| { let token = token.clone(); async move { w.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": token}))).await.status } })).await;
        assert!(tries.iter().filter(|status| **status == 200).count() <= 1, "{tries:?}");
        assert!(tries.iter().all(|status| matches!(status, 200 | 401)), "{tries:?}");
    }

    async fn signing_out_ends_the_session_at_once(w) {
        let ana = w.user(Role::Advocate);
        let tokens = sign_in(w, &ana.email, PASSWORD).await.expect(200).body;
        w.send(tokens["access_token"].as_str(), "POST", "/api/v1/auth/logout", &[], None).await.expect(204);
        assert_eq!(me(w, &tokens["access_token"]).await, 401);
        w.anyone("POST", "/api/v1/auth/refresh", Some(json!({"refresh_token": tokens["refresh_token"]}))).await.expect(401);
    }

    async fn a_suspension_bites_at_the_next_request(w) {
        let (ana, admin) = (w.user(Role::Advocate), w.user(Role::Admin));
        ana.get("/me").await.expect(200);
        admin.patch(&format!("/users/{}", ana.id()), "\"v1\"", json!({"status": "suspended"})).await.expect(200);
        ana.get("/me").await.expect(401);
        sign_in(w, &ana.email, PASSWORD).await.expect(401);
    }

    // What waits together is asked for together: sessions in one statement, reads by key in one transaction.
    async fn who_is_served_together_is_told_apart(w) {
        let (ana, ben, far, gone, admin) = (w.user(Role::Advocate), w.user(Role::Advocate), w.outsider(Role::Advocate), w.user(Role::Advocate), w.user(Role::Admin));
        let (of_ana, of_ben, of_far) = futures_util::join!(ana.new_case(), ben.new_case(), far.new_case());
        admin.patch(&format!("/users/{}", gone.id()), "*", json!({"status": "suspended"})).await.expect(200);
        let nobodys = World::nobodys_id();
        let asked: Vec<_> = [&ana, &ben, &far, &gone].into_iter().flat_map(|user| [&of_ana, &of_ben, &of_far, &nobodys].map(|case| (user, case))).collect();
        let asked = asked.repeat(8);
        let answers = futures_util::future::join_all(asked.iter().map(|(user, case)| async move { user.get(&format!("/cases/{case}")).await })).await;
        for ((user, case), answer) in asked.into_iter().zip(answers) {
            let own = [(ana.id(), &of_ana), (ben.id(), &of_ben), (far.id(), &of_far)].contains(&(user.id(), case));
            let answer = answer.expect(if user.id() == gone.id() { 401 } else if own { 200 } else { 404 });
            assert!(!own || answer.body["id"] == **case, "{}", answer.body);
        }
    }

    async fn lists_that_share_a_transaction_show_what_was_there_when_asked_and_nobody_elses(w) {
        let (ana, ben, far) = (w.user(Role::Advocate), w.user(Role::Advocate), w.outsider(Role::Advocate));
        let at_work = async |user: &User| {
            for made in 1..=8 {
                let case = user.new_case().await;
                let (list, again, login) = futures_util::join!(user.get("/cases"), user.get("/cases"), sign_in(w, &user.email, PASSWORD));
                login.expect(200);
                for list in [list.expect(200), again.expect(200)] {
                    let items = list.body["items"].as_array().unwrap();
                    assert_eq!((items.len(), &items[0]["id"]), (made, &json!(case)), "{}", list.body);
                }
            }
        };
        futures_util::join!(at_work(&ana), at_work(&ben), at_work(&far));
    }

    async fn a_new_role_is_believed_from_the_database_not_from_the_token(w) {
        let (ana, admin) = (w.user(Role::Advocate), w.user(Role::Admin));
        admin.patch(&format!("/users/{}", ana.id()), "*", json!({"role": "auditor"})).await.expect(200);
        let tokens = sign_in(w, &ana.email, PASSWORD).await.expect(200).body;
        w.send(tokens["access_token"].as_str(), "GET", "/api/v1/cases", &[], None).await.expect(403);
    }

    async fn nobody_raises_themselves_and_the_last_administrator_stays(w) {
        let (one, two) = (w.user(Role::Admin), w.user(Role::Admin));
        one.patch(&format!("/users/{}", one.id()), "*", json!({"status": "removed"})).await.expect(403);
        let (a, b) = (format!("/users/{}", two.id()), format!("/users/{}", one.id()));
        let (x, y) = futures_util::join!(one.patch(&a, "*", json!({"role": "advocate"})), two.patch(&b, "*", json!({"role": "advocate"})));
        let won = [x.status, y.status].iter().filter(|status| **status == 200).count();
        assert_eq!(won, 1, "{} {}", x.status, y.status);
        w.user(Role::Advocate).patch(&a, "*", json!({"role": "admin"})).await.expect(403);
        w.outsider(Role::Admin).patch(&a, "*", json!({"role": "admin"})).await.expect(404);
    }

    async fn a_new_password_ends_the_other_sessions(w) {
        let ana = w.user(Role::Advocate);
        let other = sign_in(w, &ana.email, PASSWORD).await.expect(200).body;
        let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
        ana.send("PUT", "/me/password", &[], Some(change("not the one I have", "four dry umbrellas"))).await.faulty(422, "/current_password", "wrong_password");
        ana.send("PUT", "/me/password", &[], Some(change(PASSWORD, "short"))).await.faulty(422, "/new_password", "too_short");
        ana.send("PUT", "/me/password", &[], Some(change(PASSWORD, "four dry umbrellas"))).await.expect(204);
        assert_eq!(me(w, &other["access_token"]).await, 401);
        ana.get("/me").await.expect(200);
        sign_in(w, &ana.email, "four dry umbrellas").await.expect(200);
        sign_in(w, &ana.email, PASSWORD).await.expect(401);
    }

    async fn a_team_decides_what_a_supervisor_sees(w) {
        let (admin, ana, boss) = (w.user(Role::Admin), w.user(Role::Advocate), w.user_in(&w.org, &[], Role::Supervisor));
        let case = ana.new_case().await;
        boss.get(&format!("/cases/{case}")).await.expect(404);
        admin.send("PUT", &format!("/teams/{}/members/{}", w.team, boss.id()), &[], None).await.expect(204);
        boss.get(&format!("/cases/{case}")).await.expect(200);
        admin.send("DELETE", &format!("/teams/{}/members/{}", w.team, boss.id()), &[], None).await.expect(204);
        boss.get(&format!("/cases/{case}")).await.expect(404);
        admin.send("PUT", &format!("/teams/{}/members/{}", w.team, w.outsider(Role::Advocate).id()), &[], None).await.expect(404);
        admin.send("PUT", &format!("/teams/{}/members/{}", w.other_team, boss.id()), &[], None).await.expect(404);
        let made = admin.post("/teams", json!({"name": "South side"})).await.expect(201);
        admin.post("/teams", json!({"name": "South side"})).await.expect(409);
        admin.get(&format!("/teams/{}/members", made.id())).await.expect(200);
        boss.get(&format!("/teams/{}", made.id())).await.expect(404);
    }

    async fn the_key_set_verifies_a_token(w) {
        let keys = w.anyone("GET", "/.well-known/jwks.json", None).await.expect(200).body;
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(keys["keys"][0].clone()).unwrap();
        let token = w.keys.mint(w.user(Role::Advocate).actor).unwrap();
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
        validation.set_audience(&["alongside-api"]);
        jsonwebtoken::decode::<Value>(&token, &jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
    }
}
