What the records show about arn:aws:lambda:eu-west-1:111122223333:function:payments (times are UTC)
  ! cannot see what lies in none of the files: without a case nobody says which regions, hours and kinds of events were recorded
  2026-03-01 08:00:00  config       olive called CreateFunction (code QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=, version $LATEST), from 198.51.100.7  [00000000-0000-4000-8000-000000000001]
  2026-03-01 10:00:00  denied       mallory was refused once: lambda:UpdateFunctionCode, from 203.0.113.9  [00000000-0000-4000-8000-000000000004]
  2026-03-01 10:05:00  config       mallory called UpdateFunctionCode (code QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=, version $LATEST, DryRun=true), from 203.0.113.9  [00000000-0000-4000-8000-000000000005]
  2026-03-01 10:05:02  code         mallory replaced the code: it is now QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=, it was QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=, from 203.0.113.9  [00000000-0000-4000-8000-000000000006]
  2026-03-01 10:05:10  grant        mallory admitted everyone (lambda:InvokeFunctionUrl, statement x), from 203.0.113.9  [00000000-0000-4000-8000-000000000007]
  2026-03-01 10:05:10  url          mallory opened the function URL https://abc.lambda-url.eu-west-1.on.aws/ to everyone (auth type NONE), from 203.0.113.9  [00000000-0000-4000-8000-000000000008]
  2026-03-01 10:10:00  credentials  credentials of payments (key ASIAEXAMPLESTOLEN), used inside Lambda too, were used without its marker 2 times: sts:GetCallerIdentity, s3:ListBuckets, from 203.0.113.9 with aws-cli/2.17.0, until 10:10:04  [00000000-0000-4000-8000-000000000009 +1]
  2026-03-01 10:10:09  denied       credentials of payments (key ASIAEXAMPLESTOLEN), used inside Lambda too, were refused without its marker once: secretsmanager:GetSecretValue, from 203.0.113.9  [00000000-0000-4000-8000-000000000011]
