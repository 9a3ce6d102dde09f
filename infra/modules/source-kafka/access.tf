# What Lambda's pollers need to read the topic. They take the function's role for it.

locals {
  secret_arns = compact([try(var.authentication.secret_arn, null), var.ca_certificate_secret_arn])
  destination = var.on_failure_destination_arn == null ? null : split(":", var.on_failure_destination_arn)[2]

  # Each is a `for` over what there is, and not a condition: Terraform gives the latter types that it cannot join.
  statements = concat(
    [for arns in [local.secret_arns] : {
      Sid      = "ReadTheSecretsOfTheCluster"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = arns
    } if 0 < length(arns)],
    [for arn in compact([var.secrets_kms_key_arn]) : {
      Sid      = "DecryptTheSecretsOfTheCluster"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [arn]
    }],
    [for network in [var.network] : {
      # EC2 knows no resources for describing, and the interfaces do not exist before they are made.
      Sid    = "ReachTheBrokersInTheirNetwork"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
      ]
      Resource = ["*"]
    } if network != null],
    [for arn in compact([var.on_failure_destination_arn]) : {
      Sid      = "HandOverWhatIsGivenUp"
      Effect   = "Allow"
      Action   = { sqs = ["sqs:SendMessage"], sns = ["sns:Publish"], s3 = ["s3:ListBucket", "s3:PutObject"] }[local.destination]
      Resource = local.destination == "s3" ? [arn, "${arn}/*"] : [arn]
    }],
  )
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_290:EC2 knows no resources for network interfaces that do not exist yet.
  #checkov:skip=CKV_AWS_355:EC2 knows no resources for network interfaces that do not exist yet.
  name = "read-${var.name}"
  role = var.function.role_name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}
