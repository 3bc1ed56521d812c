package awssim

// Deliver is a service's own call of a function, as of a rule, a subscription or a bucket:
// what the policy of the qualifier admits of a service with that source is called, and the
// number of the version that ran given back. A service waits for no answer, so at
// concurrency 0 the event goes where undelivered ones go, and the error says so. Such calls
// are nobody's API calls: CloudTrail has no management event of them.
func (c *Cloud) Deliver(service, source, functionARN string, payload []byte) (version string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := parseARN(functionARN)
	if !ok {
		return "", fail("ValidationException", "not an ARN: %s", functionARN)
	}
	k := &call{Cloud: c, caller: identity{kind: "AWSService", invokedBy: service}, accountID: a.account, region: a.region, now: c.Now().UTC()}
	t := k.target(&functionARN, nil)
	if t.fn == nil {
		return "", notFound(functionARN)
	}
	v, err := t.resolve()
	if err != nil {
		return "", err
	}
	policy := ""
	if p := t.fn.policies[t.qualifier]; p != nil {
		policy = p.document.String()
	}
	from, _ := parseARN(source)
	if !k.allowed("lambda:InvokeFunction", t.qualified(), withResourcePolicy(policy, t.account), withCondition("aws:SourceArn", source), withCondition("aws:SourceAccount", from.account)) {
		return "", fail("AccessDeniedException", "%s may not call %s for %s", service, functionARN, source)
	}
	if t.fn.reserved != nil && *t.fn.reserved == 0 {
		k.undelivered(t, v, payload)
		return "", throttledByReservation()
	}
	c.ran(scope{t.account, t.region}, t.fn, v, k.now)
	return v.number, nil
}
