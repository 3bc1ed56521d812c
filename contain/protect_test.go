package contain

import (
	"errors"
	"testing"
)

func TestGuardRole(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/service/payments"
	for _, c := range []struct {
		name, role, self string
		chain, protected []string
		refused          bool
	}{
		{name: "an ordinary one", role: role, self: "arn:aws:iam::111122223333:user/alice"},
		{name: "own session", role: role, self: "arn:aws:sts::111122223333:assumed-role/payments/alice", refused: true},
		{name: "same name elsewhere", role: role, self: "arn:aws:sts::999988887777:assumed-role/payments/alice"},
		{name: "in the chain", role: role, self: "arn:aws:sts::111122223333:assumed-role/ir/alice", chain: []string{role}, refused: true},
		{name: "service-linked", role: "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", refused: true},
		{name: "Identity Center", role: "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123", refused: true},
		{name: "configured by name", role: role, protected: []string{"pay*"}, refused: true},
		{name: "configured by ARN", role: role, protected: []string{"arn:aws:iam::*:role/*"}, refused: true},
		{name: "configured otherwise", role: role, protected: []string{"break-glass", "pay?", "[p]ayments"}},
		{name: "no role", refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := guardRole("x", c.role, c.self, c.chain, c.protected)
			if errors.Is(err, ErrProtected) != c.refused || (err == nil) == c.refused {
				t.Errorf("got %v, want refused %v", err, c.refused)
			}
		})
	}
}
