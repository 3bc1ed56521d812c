package contain

import (
	"strings"
)

// Mend is the command that would help most with what a run did not do: the permission that is
// missing, another act where a policy has no room, and otherwise a look at what is in force.
func (r *Run) Mend() string {
	const look = "freezeframe contain status"
	for _, o := range r.Outcomes {
		if o.Status.OK() || o.Err == nil {
			continue
		}
		switch {
		case isCode(o.Err, "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"):
			return "freezeframe doctor --policy contain --function NAME, have that granted, and the same command again"
		case isCode(o.Err, "LimitExceeded", "LimitExceededException") && strings.Contains(o.Resource, ":role/"):
			return "freezeframe contain plan --act role-attach-deny --function NAME --out NEW.json"
		case isCode(o.Err, "LimitExceeded", "LimitExceededException") && strings.Contains(o.Resource, ":user/"):
			return "freezeframe contain plan --act user-deny-all --actor " + o.Resource + " --out NEW.json"
		}
	}
	return look
}
