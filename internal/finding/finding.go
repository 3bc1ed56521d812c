// Package finding is what analysis hands to containment and reports, as data: something in
// the account that somebody has to decide about, with the evidence it rests on. It holds no
// verdict and reads nothing.
package finding

import "time"

// State says how a finding stands by the records.
type State string

// States.
const (
	Standing State = "standing" // made or changed, and nothing in the records takes it back
	Disabled State = "disabled" // made inactive, and still there
	Undone   State = "undone"   // taken back by a later call
	Replaced State = "replaced" // changed again by a later call, of whoever
)

// Finding is one thing that was made or changed.
type Finding struct {
	Kind    string   `json:"kind"`             // "access-key", "function", "rule", ...
	Change  string   `json:"change"`           // "created", "changed", "deleted", "granted"
	Action  string   `json:"action"`           // the call: "iam:CreateAccessKey"
	Name    string   `json:"name"`             // what the calls named it by
	ARN     string   `json:"arn,omitempty"`    // of the resource, or of what it belongs to
	Detail  string   `json:"detail,omitempty"` // what it grants, hangs on, or became
	Admits  []string `json:"admits,omitempty"` // outsiders that it lets in: accounts, "everyone"
	Account string   `json:"account,omitempty"`
	Region  string   `json:"region,omitempty"`

	By    string    `json:"by"`             // node of the lineage: whose credentials made it
	Who   string    `json:"who"`            // the principal, for people
	From  string    `json:"from,omitempty"` // source address
	At    time.Time `json:"at"`
	Event string    `json:"event,omitempty"` // id of the record that tells of it; "" where it has none, and path alone says where it stands
	Bag   string    `json:"bag,omitempty"`   // the bag that the record stands in; "" outside a case
	Path  string    `json:"path,omitempty"`  // and its file

	State   State  `json:"state"`
	UndoneE string `json:"end_event,omitempty"` // id of the record that took it back, disabled or replaced it
	UndoneW string `json:"end_who,omitempty"`   // and who did
	UndoneB string `json:"end_bag,omitempty"`   // the bag that the record stands in
}

// Stands says whether somebody still has to decide about it.
func (f Finding) Stands() bool { return f.State == Standing || f.State == Disabled }
