package awssim

import (
	"time"
)

// lookupKey finds who signs with an access key: a user's, or that of a session. An
// inactive key is not found, as on AWS.
func (c *Cloud) lookupKey(keyID string) (id identity, secret, token string, ok bool) {
	now := c.Now()
	for k, s := range c.iam.m {
		key := s.keys[keyID]
		if key == nil {
			key = s.deleted[keyID]
		}
		if key != nil && key.signs(now) && s.users[key.user] != nil {
			return s.users[key.user].identity(k.account, keyID), key.secret, "", true
		}
		if sess := s.sessions[keyID]; sess != nil {
			return sess.id, sess.secret, sess.token, true
		}
	}
	return identity{}, "", "", false
}

func (u *iamUser) identity(account, keyID string) identity {
	return identity{kind: "IAMUser", account: account, arn: u.arn, principalID: u.id, name: u.name, keyID: keyID}
}

// Bootstrap makes a user with an access key and one inline policy, without a recorded
// call and in effect at once: the operator, the owner, the attacker of an exercise.
// The account is made by its first user.
func (c *Cloud) Bootstrap(accountID, userName, policyJSON string) Credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.account(accountID)
	u := &iamUser{principal: principal{
		name: userName, path: "/", id: c.idFrom("AIDA", "bootstrap", accountID, userName),
		arn: "arn:aws:iam::" + accountID + ":user/" + userName, created: c.Now().Add(-365 * 24 * time.Hour),
		inline: map[string]string{"bootstrap": policyJSON}, tags: map[string]string{},
	}}
	s.users[userName] = u
	s.refresh(&u.principal, "", time.Time{})
	key := &iamKey{
		id: c.idFrom("AKIA", "bootstrap", accountID, userName), secret: c.idFrom("secret", "bootstrap", accountID, userName),
		user: userName, active: true, was: true, created: u.created,
	}
	s.keys[key.id] = key
	return Credentials{AccessKeyID: key.id, SecretAccessKey: key.secret}
}

// issueRoleSession makes the credentials of a role's session. The lock is held; the
// trust has been asked before.
func (c *Cloud) issueRoleSession(account, roleName string, s session, now time.Time) (Credentials, error) {
	state := c.account(account)
	r := state.roles[roleName]
	if r == nil {
		return Credentials{}, fail("NoSuchEntity", "The role with name %s cannot be found.", roleName)
	}
	s.roleName, s.roleARN, s.roleID, s.issued = r.name, r.arn, r.id, now.Truncate(time.Second)
	parts := []string{"session", account, roleName, s.name, now.UTC().Format(time.RFC3339Nano), s.functionARN}
	nth := string(rune('0' + c.nth(parts...)%64))
	id := identity{
		kind: "AssumedRole", account: account, arn: "arn:aws:sts::" + account + ":assumed-role/" + r.name + "/" + s.name,
		principalID: r.id + ":" + s.name, keyID: c.idFrom("ASIA", append(parts, nth)...), session: &s,
	}
	issued := &iamSession{id: id, secret: c.idFrom("secret", append(parts, nth)...), token: c.idFrom("token", append(parts, nth)...)}
	state.sessions[id.keyID] = issued
	return Credentials{AccessKeyID: id.keyID, SecretAccessKey: issued.secret, SessionToken: issued.token}, nil
}
