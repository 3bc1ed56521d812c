package alert

import (
	"slices"
	"strings"
)

// productField is where Security Hub keeps what GuardDuty says beyond its format, each as text.
const productField = "aws/guardduty/service/"

// readASFF reads a finding in the AWS Security Finding Format, of Security Hub CSPM.
func readASFF(l *look, n *node) {
	a := &l.a
	a.Account = l.account(n.get("AwsAccountId"), "AwsAccountId")
	a.Region = l.region(n.get("Region"), "Region")
	if v := l.name(n.get("SchemaVersion"), "SchemaVersion"); v != "2018-10-08" {
		l.doubt("its SchemaVersion is %q", cut(v, 40))
	}
	productARN := l.must(n.get("ProductArn"), "ProductArn")
	l.arn(productARN)
	id, product := l.must(n.get("Id"), "Id"), productOf(productARN)
	l.arn(id)
	l.identifyHub(product, id)
	a.Types = l.texts(n.get("Types"), "Types")
	if len(a.Types) == 0 {
		a.Types = l.texts(n.get("FindingProviderFields", "Types"), "FindingProviderFields.Types")
	}
	a.Title = l.prose(n.get("Title"))
	a.Updated = l.when(n.get("UpdatedAt"), "UpdatedAt")
	a.First, a.Last = l.when(n.get("FirstObservedAt"), "FirstObservedAt"), l.when(n.get("LastObservedAt"), "LastObservedAt")
	l.asffSeverity(n.get("Severity"))
	l.asffStates(n)
	switch {
	case product == guardDutyProduct:
		l.guardDutyIn(n.get("ProductFields"))
	case n.get("Compliance") != nil:
		a.Kind = Compliance
		a.Type = l.name(n.get("Compliance", "SecurityControlId"), "SecurityControlId")
	default:
		a.Kind = Detection
	}
	if a.Type == "" && len(a.Types) > 0 {
		a.Type = a.Types[0]
	}
	if q := n.get("Detection", "Sequence"); q != nil {
		l.a.Kind = Sequence
		l.asffActors(q.get("Actors").list())
	}
	for i, r := range n.get("Resources").list() {
		if i == maxParts {
			l.gap("function", "more than 100 resources: not all were read")
			break
		}
		l.asffResource(r)
	}
}

// identifyHub: of a finding of GuardDuty its own id is told as the end of its ARN, so that the case
// is the one of GuardDuty's own event. Other products' ids are taken as they are: both
// generations of Security Hub have the same.
func (l *look) identifyHub(product, id string) {
	if product == guardDutyProduct {
		if own, region, ok := guardDutyFinding(id); ok {
			l.identify(product, own, region)
			return
		}
		l.doubt("the id of a finding of GuardDuty is no ARN of one: its case is not that of GuardDuty's own event")
	}
	l.identify(product, id, l.a.Region)
}

// guardDutyIn reads GuardDuty's own words out of the product's fields.
func (l *look) guardDutyIn(fields *node) {
	a := &l.a
	a.Kind, a.Type = GuardDuty, guardDutyTypeOf(a.Types)
	if strings.HasPrefix(a.Type, "AttackSequence:") {
		a.Kind = Sequence
	}
	of := func(name string) *node { return fields.get(productField + name) }
	a.Count = l.count(of("count"), "count")
	if t, ok := instant(of("eventFirstSeen")); ok {
		a.First = t
	}
	if t, ok := instant(of("eventLastSeen")); ok {
		a.Last = t
	}
	a.Archived = a.Archived || of("archived").truth()
	if l.isSample(of("additionalInfo/sample"), of("additionalInfo/value")) {
		a.Sample, a.SampleBy = true, "additionalInfo/sample of GuardDuty"
	}
	for _, kind := range []string{"networkConnectionAction", "awsApiCallAction"} {
		for _, v := range []string{"V4", "V6"} {
			if ip := l.prose(of("action/" + kind + "/remoteIpDetails/ipAddress" + v)); ip != "" {
				if port := of("action/" + kind + "/remotePortDetails/port").str(); port != "" {
					ip += ":" + cut(port, 8)
				}
				a.Remote = append(a.Remote, cut(ip, 256))
			}
		}
	}
}

// asffSeverity: the label is what Security Hub goes by. GuardDuty's own number is in Product.
func (l *look) asffSeverity(n *node) {
	a := &l.a
	label := strings.ToLower(l.name(n.get("Label"), "Severity.Label"))
	own := l.prose(n.get("Original"))
	a.Severity = ofLabel(label, own)
	v, ok := l.number(n.get("Product"), "Severity.Product")
	if !ok || a.Product != guardDutyProduct {
		if v, ok = l.number(n.get("Normalized"), "Severity.Normalized"); ok {
			v /= 10
		}
	}
	if !ok || v < 0 || v > 10 {
		return
	}
	if a.Severity.Label == "" {
		a.Severity = ofNumber(v, own)
	}
	if by := ofNumber(v, ""); by.Label == a.Severity.Label {
		a.Severity.Number = v
	}
	if own == "" {
		a.Severity.Origin = n.get("Label").str()
	}
}

func (l *look) asffStates(n *node) {
	a := &l.a
	if n.get("Sample").truth() {
		a.Sample, a.SampleBy = true, "Sample"
	}
	state, workflow := l.name(n.get("RecordState"), "RecordState"), l.name(n.get("Workflow", "Status"), "Workflow.Status")
	a.Archived = state == "ARCHIVED"
	a.Suppressed, a.Resolved = workflow == "SUPPRESSED", workflow == "RESOLVED"
	if !slices.Contains([]string{"", "ACTIVE", "ARCHIVED"}, state) {
		l.doubt("its RecordState is %q", cut(state, 40))
	}
	if !slices.Contains([]string{"", "NEW", "NOTIFIED", "SUPPRESSED", "RESOLVED"}, workflow) {
		l.doubt("its Workflow.Status is %q", cut(workflow, 40))
	}
}

func (l *look) asffActors(actors []*node) {
	l.a.ActorsTotal = len(actors)
	for _, x := range actors[:min(len(actors), maxActors)] {
		u := x.get("User")
		l.a.Actors = append(l.a.Actors, Actor{
			ID: l.name(x.get("Id"), "actor id"), Name: l.name(u.get("Name"), "actor name"), Type: l.name(u.get("Type"), "actor type"),
			Principal: l.name(u.get("Uid"), "actor uid"), AccessKey: l.name(u.get("CredentialUid"), "actor credential"),
			Account: l.name(u.get("Account", "Uid"), "actor account"),
		})
	}
}

func (l *look) asffResource(r *node) {
	id := l.name(r.get("Id"), "Resources.Id")
	switch l.name(r.get("Type"), "Resources.Type") {
	case "AwsLambdaFunction":
		d := r.get("Details", "AwsLambdaFunction")
		l.role(l.name(d.get("Role"), "Role"))
		l.named(id, l.name(d.get("FunctionName"), "FunctionName"), l.name(d.get("Version"), "Version"))
	case "AwsIamAccessKey":
		d := r.get("Details", "AwsIamAccessKey")
		key := l.name(d.get("AccessKeyId"), "AccessKeyId")
		if key == "" {
			key = strings.TrimPrefix(id, "AWS::IAM::AccessKey:")
		}
		user := l.name(d.get("PrincipalName"), "PrincipalName")
		if user == "" {
			user = l.name(d.get("UserName"), "UserName")
		}
		l.credentials(key, l.name(d.get("PrincipalId"), "PrincipalId"), l.name(d.get("PrincipalType"), "PrincipalType"), user)
	default:
		l.arn(id)
	}
}
