package timeline

import "github.com/freezeframe-ir/freezeframe/internal/safetext"

// maxHiddenAt is how many places of such events a summary names.
const maxHiddenAt = 3

// hides says whether an event carries more than can be seen, in any member that its source
// could fill.
func (e *Event) hides() bool {
	p, c := &e.Principal, &e.Change
	for _, s := range [...]string{
		e.Message, e.UserAgent, e.ErrorText, e.ErrorCode, e.Service, e.Action, e.RawAction, e.Function, e.Qualifier, e.Address, e.AccessKey, e.ID, e.RequestID, e.SharedID,
		e.Region, e.Account, e.VPCE, e.Category, p.Type, p.Name, p.Session, p.ARN, p.ID, p.Account, p.Role, p.Function, p.Version, p.Via,
		c.CodeHash, c.Version, c.Role, c.Layers, c.Grantee, c.Allows, c.Sid, c.AuthType, c.URL, c.NewKey, c.Policy, c.Setting, e.LastID, p.SignIn, p.Identity,
	} {
		if s != "" && safetext.Hides(s) {
			return true
		}
	}
	for _, r := range e.Resources {
		if safetext.Hides(r) {
			return true
		}
	}
	return false
}
